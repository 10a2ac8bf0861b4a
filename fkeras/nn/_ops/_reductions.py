"""Reductions over axes, with Keras's arguments."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ...core.typing import Array, ArrayLike, DTypeLike
from ._types import Axis, Table

# What a function takes from the one of jax.numpy that it stands for; its signature is its own.
_FROM_JAX = ("__module__", "__name__", "__qualname__", "__doc__")


def _axes(axis: Axis) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def _reduction(name: str) -> Callable[..., Array]:
    """jax.numpy's function with Keras's third argument, `keepdims`; further ones of jax.numpy's by keyword."""
    function = getattr(jnp, name)

    @functools.wraps(function, assigned=_FROM_JAX)
    def reduce(x: ArrayLike, axis: Axis = None, keepdims: bool = False, **more: object) -> Array:
        return function(x, axis=_axes(axis), keepdims=keepdims, **more)

    del reduce.__wrapped__  # type: ignore[attr-defined]  # the signature is this one
    return reduce


def _with_initial(name: str) -> Callable[..., Array]:
    """A reduction that takes the value to begin with too."""
    function = getattr(jnp, name)

    def reduce(
        x: ArrayLike, axis: Axis = None, keepdims: bool = False, initial: ArrayLike | None = None, **more: object
    ) -> Array:
        return function(x, axis=_axes(axis), keepdims=keepdims, initial=initial, **more)

    reduce.__doc__ = function.__doc__
    return reduce


def _quantile(name: str) -> Callable[..., Array]:
    function = getattr(jnp, name)

    def quantile(
        x: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
    ) -> Array:
        return function(x, q, axis=_axes(axis), method=method, keepdims=keepdims)

    quantile.__doc__ = function.__doc__
    return quantile


def prod(x: ArrayLike, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Array:
    """The product along some axes."""
    return jnp.prod(x, axis=_axes(axis), keepdims=keepdims, dtype=dtype)


def logsumexp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))`, without overflow."""
    return jax.nn.logsumexp(x, axis=_axes(axis), keepdims=keepdims)


def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0, sparse: bool = False) -> Array:
    """How often each integer occurs; for a batch, row by row.

    Under `jit` the length is `minlength`, since an array's shape cannot depend on its numbers.
    """
    x = jnp.asarray(x)
    length = None
    if isinstance(x, jax.core.Tracer):
        length = minlength or None
    elif x.size:
        length = builtins.max(int(jnp.max(x)) + 1, minlength)
    if x.ndim < 2:
        return jnp.bincount(x, weights=weights, minlength=minlength, length=length)
    rows = [
        jnp.bincount(row, weights=None if weights is None else jnp.asarray(weights)[i], length=length)
        for i, row in enumerate(x)
    ]
    return jnp.stack(rows)


_REDUCTIONS = """
all amax amin any argmax argmin mean median ptp std sum var
nanargmax nanargmin nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar
"""

OWN: Table = {
    **{name: _reduction(name) for name in _REDUCTIONS.split()},
    **{name: _with_initial(name) for name in ("max", "min")},
    **{name: _quantile(name) for name in ("quantile", "percentile", "nanquantile", "nanpercentile")},
    **{f.__name__: f for f in (prod, logsumexp, bincount)},
}
