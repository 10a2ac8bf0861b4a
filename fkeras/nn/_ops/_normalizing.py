"""Moments, norms and normalisation as functions, with Keras's arguments."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ...core import explain
from ...core.typing import Array, ArrayLike, Num
from .. import _moments as moments
from ._types import Axis, Sizes, Table

_EPSILON = 1e-7


def batch_normalization(
    x: ArrayLike, mean: Num[ArrayLike, " features"], variance: Num[ArrayLike, " features"], axis: int,
    offset: Num[ArrayLike, " features"] | None = None, scale: Num[ArrayLike, " features"] | None = None,
    epsilon: float = 1e-3,
) -> Array:  # fmt: skip
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset` along an axis."""
    x = jnp.asarray(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    factor = lax.rsqrt(jnp.asarray(variance) + epsilon) * (1 if scale is None else jnp.asarray(scale))
    shift = (0 if offset is None else jnp.asarray(offset)) - jnp.asarray(mean) * factor
    return x * factor.reshape(shape) + shift.reshape(shape)


def _axes(axis: Sizes, rank: int) -> tuple[int, ...]:
    return tuple(sorted(a % rank for a in ((axis,) if isinstance(axis, int) else axis)))


def layer_normalization(
    x: ArrayLike, gamma: ArrayLike | None = None, beta: ArrayLike | None = None, axis: Sizes = -1,
    epsilon: float | None = None, rms_scaling: bool = False,
) -> Array:  # fmt: skip
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the moments of the given axes."""
    x = jnp.asarray(x)
    axes = _axes(axis, x.ndim)
    epsilon = _EPSILON if epsilon is None else float(epsilon)
    gamma, beta = (None if w is None else _over(w, axes, x) for w in (gamma, beta))
    if rms_scaling:
        return moments.scaled_by_deviation(x, gamma, axes=axes, epsilon=epsilon).astype(x.dtype)
    return moments.standardised(x, gamma, beta, axes=axes, epsilon=epsilon).astype(x.dtype)


def _over(weight: ArrayLike, axes: tuple[int, ...], x: Array) -> Array:
    """A weight in the shape of some axes of `x`."""
    return jnp.asarray(weight).reshape(tuple(x.shape[a] for a in axes))


def rms_normalization(
    x: ArrayLike, scale: ArrayLike | None = None, axis: Sizes = -1, epsilon: float | None = None
) -> Array:
    """`scale x / sqrt(mean(x^2) + epsilon)` over the given axes."""
    x = jnp.asarray(x)
    axes = _axes(axis, x.ndim)
    scale = None if scale is None else _over(scale, axes, x)
    epsilon = _EPSILON if epsilon is None else float(epsilon)
    return moments.scaled_by_root_mean_square(x, scale, axes=axes, epsilon=epsilon).astype(x.dtype)


def normalize(x: ArrayLike, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """`x` scaled to norm 1 along an axis; what is nearly 0 stays so."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(explain("normalize: `order` is a positive integer.", received=order, write="order=2"))
    x, least = jnp.atleast_1d(x), _EPSILON if epsilon is None else epsilon
    if order == 2:
        return x * jnp.minimum(jax.lax.rsqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=True)), 1 / least)
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True), least)


def mean_and_variance(
    x: ArrayLike, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Array, Array]:
    """Mean and variance over some axes."""
    if synchronized:
        raise NotImplementedError(
            explain(
                "moments: nothing is synchronized between devices here.",
                write="moments inside jax.jit over sharded arrays, whose means are of the whole",
            )
        )
    axes = tuple(axes) if isinstance(axes, list) else axes
    return jnp.mean(x, axis=axes, keepdims=keepdims), jnp.var(x, axis=axes, keepdims=keepdims)  # type: ignore[arg-type]


OWN: Table = {
    **{f.__name__: f for f in (batch_normalization, layer_normalization, rms_normalization, normalize)},
    "moments": mean_and_variance,
}
