"""Weights and masks of metrics."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ...core import explain
from ...core.typing import ArrayLike, DTypeLike, Num, Shaped
from ..losses._inputs import match_ranks
from ..losses._weighing import combine, lift


def samplewise(
    values: jax.Array,
    sample_weight: Num[ArrayLike, " ..."] | None,
    mask: Shaped[ArrayLike, " ..."] | None,
    reduce: Callable[..., jax.Array],
) -> tuple[jax.Array, jax.Array | None]:
    """`(weighted values, weights)`, one for each sample; weights are `None` where there are none.

    Axes that the weights do not have are reduced first, and the others after weighting, as in Keras. What has weight
    0 counts for nothing, even where it is not finite.

    Args:
        values: `(batch, …)`, or a scalar.
        sample_weight: `(batch, …)` of the same or a lower rank, or `None`.
        mask: likewise.
        reduce: `jnp.mean` or `jnp.sum`.

    Returns:
        Two arrays `(batch,)`, or scalars.

    Raises:
        ValueError: weights that do not fit.
    """
    weights, _ = combine(sample_weight, (mask,), values.dtype)
    if weights is None:
        return (reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values), None
    values, weights = match_ranks(values, weights)
    if values.ndim > weights.ndim:
        values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
    weights = spread(weights, values.shape)
    values = jnp.where(weights != 0, values * weights, 0)
    if values.ndim > 1:
        axes = tuple(range(1, values.ndim))
        values, weights = reduce(values, axis=axes), reduce(weights, axis=axes)
    return values, weights


def spread(weights: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Weights in the shape of what they weigh: `(batch,)` or any shape that broadcasts.

    >>> spread(jnp.array([1.0, 2.0]), (2, 3)).tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """
    while weights.ndim > len(shape) and weights.shape[-1] == 1:
        weights = weights[..., 0]
    fits = weights.ndim <= len(shape)
    if fits:
        weights = lift(weights, shape)
        fits = all(n == m or n == 1 for n, m in zip(weights.shape, shape, strict=True))
    if not fits:
        raise ValueError(
            explain(
                "Sample weights or a mask do not fit the metric's values.",
                received=f"shape {weights.shape} for values of shape {shape}",
                usually="weights for each class or feature, or for another number of samples.",
                write="sample_weight of shape (batch,)",
            )
        )
    return jnp.broadcast_to(weights, shape)


def weights_like(
    y: jax.Array,
    sample_weight: Num[ArrayLike, " ..."] | None,
    mask: Shaped[ArrayLike, " ..."] | None,
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """A weight for each entry of `y`: ones where there are neither weights nor a mask."""
    weights, _ = combine(sample_weight, (mask,), dtype)
    return jnp.ones(y.shape, dtype) if weights is None else spread(weights, y.shape)
