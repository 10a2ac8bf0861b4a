"""Reductions and rearrangements with Keras's arguments."""

from __future__ import annotations

import builtins
import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core import explain


def _reduction(name: str) -> Callable[..., Any]:
    """jax.numpy's function with Keras's third argument, `keepdims`; further ones of jax.numpy's by keyword."""
    function = getattr(jnp, name)

    @functools.wraps(function)
    def reduce(x: Any, axis: Any = None, keepdims: bool = False, **more: Any) -> Any:
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims, **more)

    del reduce.__wrapped__  # type: ignore[attr-defined]  # the signature is this one
    return reduce


def _with_initial(name: str) -> Callable[..., Any]:
    function = getattr(jnp, name)

    def reduce(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, **more: Any) -> Any:
        axes = tuple(axis) if isinstance(axis, list) else axis
        return function(x, axis=axes, keepdims=keepdims, initial=initial, **more)

    reduce.__doc__ = function.__doc__
    return reduce


REDUCTIONS = {
    **{
        name: _reduction(name)
        for name in [
            "all",
            "amax",
            "amin",
            "any",
            "argmax",
            "argmin",
            "mean",
            "median",
            "ptp",
            "std",
            "sum",
            "var",
            "nanargmax",
            "nanargmin",
            "nanmax",
            "nanmean",
            "nanmedian",
            "nanmin",
            "nanprod",
            "nanstd",
            "nansum",
            "nanvar",
        ]
    },
    **{name: _with_initial(name) for name in ("max", "min")},
}


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> jax.Array:
    """The product along some axes."""
    return jnp.prod(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims, dtype=dtype)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where a condition holds, else `x2`; of the condition alone, where it holds."""
    return jnp.where(condition) if x1 is None and x2 is None else jnp.where(condition, x1, x2)


def take(x: Any, indices: Any, axis: Any = None) -> jax.Array:
    """The entries at some places along an axis."""
    return jnp.take(jnp.asarray(x), jnp.asarray(indices), axis=axis)


def take_along_axis(x: Any, indices: Any, axis: Any = None) -> jax.Array:
    """The entry at each place along an axis."""
    return jnp.take_along_axis(jnp.asarray(x), jnp.asarray(indices), axis=axis)


def _quantile(name: str) -> Callable[..., Any]:
    function = getattr(jnp, name)

    def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        return function(x, q, axis=tuple(axis) if isinstance(axis, list) else axis, method=method, keepdims=keepdims)

    quantile.__doc__ = function.__doc__
    return quantile


QUANTILES = {name: _quantile(name) for name in ("quantile", "percentile", "nanquantile", "nanpercentile")}


def reshape(x: Any, newshape: Any = None, shape: Any = None, **more: Any) -> jax.Array:
    """`x` in another shape."""
    new = shape if newshape is None else newshape
    return jnp.reshape(x, tuple(new) if isinstance(new, list) else new, **more)


def tile(x: Any, repeats: Any) -> jax.Array:
    """`x` several times along each axis."""
    return jnp.tile(x, repeats)


def clip(x: Any, x_min: Any = None, x_max: Any = None, **more: Any) -> jax.Array:
    """`x` between two bounds."""
    return jnp.clip(x, more.get("min", x_min), more.get("max", x_max))


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    """`x` with a border."""
    if constant_values is not None and mode != "constant":
        raise ValueError(
            explain("pad: constant_values are for mode 'constant'.", received=f"mode={mode!r}", write='mode="constant"')
        )
    more = {} if constant_values is None else {"constant_values": constant_values}
    widths: Any = np.asarray(pad_width).tolist() if isinstance(pad_width, list) else pad_width
    return jnp.pad(x, widths, mode, **more)


def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> jax.Array:
    """`x` with finite numbers for NaN and infinities."""
    return jnp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> jax.Array:
    """Where values would stand in a sorted sequence."""
    return jnp.searchsorted(sorted_sequence, values, side=side)


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> jax.Array:
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


def unique(
    x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: Any = None, size: Any = None, fill_value: Any = None,
) -> Any:  # fmt: skip
    """The distinct entries; under `jit` give `size`."""
    return jnp.unique(
        x, return_index, return_inverse, return_counts, axis, equal_nan=False, size=size, fill_value=fill_value,
        sorted=sorted,
    )  # fmt: skip


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[jax.Array]:
    """The slices along an axis."""
    x = jnp.asarray(x)
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    """`log(sum(exp(x)))`, without overflow."""
    return jax.nn.logsumexp(x, axis=axis, keepdims=keepdims)


def identity(n: int, dtype: Any = None) -> jax.Array:
    """The identity matrix."""
    return jnp.identity(n, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    """An array of one number, float32 unless said otherwise."""
    return jnp.full(shape, fill_value, dtype or jnp.float32)


def _of_floats(name: str) -> Callable[..., Any]:
    function = getattr(jnp, name)

    def rounded(x: Any) -> jax.Array:
        x = jnp.asarray(x)
        return function(x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32))

    rounded.__doc__ = function.__doc__
    return rounded


def round(x: Any, decimals: int = 0) -> jax.Array:
    """`x` to so many decimals; fewer than none are tens, hundreds, …"""
    x = jnp.asarray(x)
    if decimals >= 0 or not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.round(x, decimals)
    tens = jnp.float32(10.0**decimals)
    return (jnp.round(x.astype(jnp.float32) * tens) / tens).astype(x.dtype)


def _wide(operands: Any) -> Any:
    """Sums of products of 8-bit integers are 32-bit ones."""
    return jnp.int32 if all(jnp.result_type(o) == jnp.int8 for o in operands) else None


def matmul(x1: Any, x2: Any, **more: Any) -> jax.Array:
    """The matrix product of the last two axes."""
    return jnp.matmul(x1, x2, **{"preferred_element_type": _wide((x1, x2)), **more})


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> jax.Array:
    """A sum of products by a formula: `"ij,jk->ik"`."""
    arrays = [jnp.asarray(o) if isinstance(o, list | tuple) else o for o in operands]
    return jnp.einsum(subscripts, *arrays, **{"preferred_element_type": _wide(arrays), **kwargs})


def view(x: Any, dtype: Any = None) -> jax.Array:
    """The same bits as another dtype."""
    return jnp.asarray(x).view(dtype)


def slice(inputs: Any, start_indices: Any, shape: Any) -> jax.Array:
    """A block of `shape` that begins at `start_indices`; -1 for all that is left."""
    inputs = jnp.asarray(inputs)
    sizes = [inputs.shape[i] - int(start_indices[i]) if s == -1 else s for i, s in enumerate(shape)]
    return lax.dynamic_slice(inputs, tuple(start_indices), sizes)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> jax.Array:
    """`inputs` with a block written over at `start_indices`."""
    inputs = jnp.asarray(inputs)
    return lax.dynamic_update_slice(inputs, jnp.asarray(updates, inputs.dtype), tuple(start_indices))


def scatter(indices: Any, values: Any, shape: Any) -> jax.Array:
    """Zeros with `values` added at `indices`, one row of coordinates for each."""
    values = jnp.asarray(values)
    return jnp.zeros(tuple(shape), values.dtype).at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))].add(values)


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> jax.Array:
    """`inputs` with entries written over, or combined by `"add"`, `"max"`, `"min"` or `"mul"`."""
    place = jnp.asarray(inputs).at[tuple(jnp.asarray(indices).T)]
    ways: dict[Any, Any] = {
        None: place.set,
        "add": place.add,
        "max": place.max,
        "min": place.min,
        "mul": place.multiply,
    }
    if reduction not in ways:
        raise ValueError(
            explain("scatter_update: unknown reduction.", received=repr(reduction), write='reduction="add"')
        )
    return ways[reduction](updates)


def saturate_cast(x: Any, dtype: Any) -> jax.Array:
    """`x` in another dtype, cut off at its bounds."""
    x, dtype = jnp.asarray(x), jnp.dtype(dtype)
    if dtype.kind == "b" or (jnp.issubdtype(dtype, jnp.inexact) and jnp.issubdtype(x.dtype, jnp.integer)):
        return x.astype(dtype)
    info = jnp.iinfo(dtype) if jnp.issubdtype(dtype, jnp.integer) else jnp.finfo(dtype)
    mine = jnp.iinfo(x.dtype) if jnp.issubdtype(x.dtype, jnp.integer) else None
    low, high = float(info.min), float(info.max)
    if mine is not None:
        low, high = builtins.max(int(info.min), mine.min), builtins.min(int(info.max), mine.max)
    elif jnp.issubdtype(dtype, jnp.integer) and info.bits >= 24:  # the bound itself is no float32
        high = float(np.nextafter(np.asarray(info.max, x.dtype), np.asarray(0, x.dtype)))
    return jnp.clip(x, jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)).astype(dtype)


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> jax.Array:
    """Axes split, joined and reordered by a pattern: `"b (h w) c -> b h w c"`.

    >>> rearrange(jnp.zeros((2, 6)), "a (b c) -> b (a c)", b=3).shape
    (3, 4)
    """
    tensor = jnp.asarray(tensor)
    left, right = ([g.strip("()").split() for g in re.findall(r"\([^)]*\)|\S+", side)] for side in pattern.split("->"))
    if len(left) != tensor.ndim:
        raise ValueError(
            explain(
                "rearrange: the pattern names other axes than the array has.",
                received=f"{len(left)} in {pattern!r}, shape {tensor.shape}",
                write='rearrange(x, "b h w c -> b (h w) c")',
            )
        )
    sizes: dict[str, Any] = dict(axes_lengths)
    split: list[Any] = []
    for names, size in zip(left, tensor.shape, strict=True):
        unknown = [n for n in names if n not in sizes]
        known = 1
        for n in names:
            known *= sizes.get(n, 1)
        if len(unknown) > 1 or (not unknown and names and isinstance(size, int) and known != size):
            raise ValueError(
                explain(
                    f"rearrange: the axis ({' '.join(names)}) of size {size} cannot be split.",
                    received=f"{axes_lengths}",
                    write=f"rearrange(x, {pattern!r}, {names[0]}=...)",
                )
            )
        if unknown:
            sizes[unknown[0]] = size // known
        split += [sizes[n] for n in names]
    order = [n for names in left for n in names]
    moved = jnp.transpose(tensor.reshape(split), [order.index(n) for names in right for n in names])
    shape = []
    for names in right:
        size = 1
        for n in names:
            size = size * sizes[n]
        shape.append(size)
    return moved.reshape(shape)


OWN: dict[str, Callable[..., Any]] = {
    **REDUCTIONS,
    **QUANTILES,
    **{name: _of_floats(name) for name in ("ceil", "floor")},
    **{
        f.__name__: f
        for f in (
            take, take_along_axis, prod, where, reshape, tile, clip, pad, nan_to_num, searchsorted, bincount, unique,
            unstack, logsumexp, identity, full, round, matmul, einsum, view, slice, slice_update, scatter,
            scatter_update, saturate_cast, rearrange,
        )
    },
}  # fmt: skip
