"""Sample weights and masks brought to the shape of a loss's values."""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax
import jax.numpy as jnp

from ...core import explain
from ...core.typing import ArrayLike, DTypeLike, Num, PyTree, Shaped
from ._inputs import match_ranks, one_array


def divide_no_nan(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a / b`, and 0 where `b` is 0; its gradient is finite there too."""
    return jnp.where(b != 0, a / jnp.where(b != 0, b, 1), 0)


def weigh(
    values: jax.Array,
    sample_weight: Num[ArrayLike, " ..."] | None,
    masks: Iterable[Shaped[ArrayLike, " ..."] | None],
    by_weight: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """The weighted values, and the number or weight that their mean is divided by: `(w l, count)`.

    A masked value counts for nothing, even where it is not finite. Keras scales what is kept by `n / kept` and
    divides by `n`; here the sum is divided by `kept`, which is the same.

    Args:
        values: `l`, one for each sample or finer; a scalar is one value for all samples.
        sample_weight: `w`, of a shape that fits the values, or `None`.
        masks: which values count; entries may be `None`.
        by_weight: divide by the sum of the weights, as they were given, and not by the number of values.

    Returns:
        The weighted values, and a scalar.

    Raises:
        ValueError: weights or a mask of a shape that does not fit the values.
    """
    weight, keep = combine(sample_weight, masks, values.dtype)
    if weight is None:
        return values, jnp.asarray(values.size, values.dtype)
    flat = values
    values, weight = align(flat, weight)
    shape = _product_shape(values, weight)
    if flat.ndim and shape != values.shape:
        _refuse(values, weight)
    if keep is None:
        count = jnp.asarray(math.prod(shape), values.dtype)
    else:
        keep = jnp.broadcast_to(align(flat, keep)[1], shape)
        values, count = jnp.where(keep, values, 0), jnp.sum(keep.astype(values.dtype))
    return values * weight, jnp.sum(weight) if by_weight else count


def check_rows(y_pred: PyTree, *weights: Shaped[ArrayLike, " ..."] | None) -> None:
    """Refuse weights and masks of another batch than the predictions', for a loss of one number for the whole batch.

    Raises:
        ValueError: naming both shapes.
    """
    shape = jnp.shape(jax.tree.leaves(y_pred)[0])
    for weight in weights:
        if weight is not None and not all(
            n == m or 1 in (n, m) for n, m in zip(jnp.shape(weight), shape, strict=False)
        ):
            _refuse(jax.ShapeDtypeStruct(shape, jnp.float32), weight)


def combine(
    sample_weight: Num[ArrayLike, " ..."] | None, masks: Iterable[Shaped[ArrayLike, " ..."] | None], dtype: DTypeLike
) -> tuple[jax.Array | None, jax.Array | None]:
    """`(weights, 0 where a mask is false; the masks together)`, of one shape; `None` where there is nothing."""
    keep = None
    for mask in masks:
        if mask is not None:
            part = jnp.asarray(mask).astype(bool)
            keep = part if keep is None else jnp.logical_and(*align(keep, part))
    if sample_weight is None:
        return (None, None) if keep is None else (keep.astype(dtype), keep)
    weight = one_array("A loss or metric", "sample_weight", sample_weight).astype(dtype)
    if keep is None:
        return weight, None
    weight, keep = align(weight, keep)
    _product_shape(keep, weight)
    weight = weight * keep.astype(dtype)
    return weight, jnp.broadcast_to(keep, weight.shape)


def align(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two arrays of one rank: the shorter shape gets axes of 1.

    They come last where the shape matches the first axes of the other, and first elsewhere.

    >>> [x.shape for x in align(jnp.ones((4, 3)), jnp.ones(4))], [x.shape for x in align(jnp.ones((4, 3)), jnp.ones(3))]
    ([(4, 3), (4, 1)], [(4, 3), (1, 3)])
    """
    a, b = match_ranks(a, b)
    return lift(a, b.shape), lift(b, a.shape)


def lift(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`x` with the axes of 1 that it lacks to go with `shape`."""
    ones = (1,) * max(0, len(shape) - x.ndim)
    first = all(n == m or 1 in (n, m) for n, m in zip(x.shape, shape, strict=False))
    return x.reshape(x.shape + ones if first else ones + x.shape)


def _product_shape(values: jax.Array, weight: jax.Array) -> tuple[int, ...]:
    if any(n != m and 1 not in (n, m) for n, m in zip(values.shape, weight.shape, strict=True)):
        _refuse(values, weight)
    return jnp.broadcast_shapes(values.shape, weight.shape)


def _refuse(values: jax.Array | jax.ShapeDtypeStruct, weight: ArrayLike) -> None:
    raise ValueError(
        explain(
            "Sample weights or a mask do not fit what they weigh.",
            received=f"shape {jnp.shape(weight)} for values of shape {values.shape}",
            usually="weights for each class or feature, or for another number of samples; a loss has one value for "
            "each sample: the last axis of the predictions is gone.",
            write="sample_weight of shape (batch,), or of the shape of the loss's values",
        )
    )
