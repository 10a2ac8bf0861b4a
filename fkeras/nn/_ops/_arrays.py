"""Arrays made, reshaped, cast and multiplied, with Keras's arguments."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core import explain
from ...core.typing import Array, ArrayLike, DTypeLike, Num
from ._rearrange import rearrange
from ._types import Sizes, Table


# ------------------------------------------------------------------ shapes
def reshape(x: ArrayLike, newshape: Sizes | None = None, shape: Sizes | None = None, **more: object) -> Array:
    """`x` in another shape."""
    new = shape if newshape is None else newshape
    return jnp.reshape(x, tuple(new) if isinstance(new, list) else new, **more)  # type: ignore[arg-type]


def tile(x: ArrayLike, repeats: Sizes) -> Array:
    """`x` several times along each axis."""
    return jnp.tile(x, repeats)  # type: ignore[arg-type]


def pad(
    x: ArrayLike, pad_width: int | Sequence[int] | Sequence[Sequence[int]], mode: str = "constant",
    constant_values: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """`x` with a border."""
    if constant_values is not None and mode != "constant":
        raise ValueError(
            explain("pad: constant_values are for mode 'constant'.", received=f"mode={mode!r}", write='mode="constant"')
        )
    more = {} if constant_values is None else {"constant_values": constant_values}
    widths = np.asarray(pad_width).tolist() if isinstance(pad_width, list) else pad_width  # of lists, as JSON has them
    return jnp.pad(x, widths, mode, **more)  # type: ignore[arg-type]


def unstack(x: ArrayLike, num: int | None = None, axis: int = 0) -> list[Array]:
    """The slices along an axis."""
    x = jnp.asarray(x)
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


# ------------------------------------------------------------------ new arrays
def identity(n: int, dtype: DTypeLike | None = None) -> Array:
    """The identity matrix."""
    return jnp.identity(n, dtype)


def full(shape: Sizes, fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """An array of one number, float32 unless said otherwise."""
    return jnp.full(shape, fill_value, dtype or jnp.float32)


def one_hot(
    x: ArrayLike, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> Array:
    """A 1 at the place that each integer names."""
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.inexact):  # labels that a loss was given as floats; what is no whole number has none
        whole = x.astype(jnp.int32)
        x = jnp.where(whole == x, whole, -1)
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype or jnp.float32)


def multi_hot(
    inputs: ArrayLike, num_classes: int | None = None, axis: int = -1, dtype: DTypeLike | None = None,
    sparse: bool = False, **kwargs: int,
) -> Array:  # fmt: skip
    """A 1 for each class that occurs in a row; `num_tokens` is another name for `num_classes`."""
    x = jnp.asarray(inputs)
    rows = one_hot(x.astype(jnp.int32), kwargs.get("num_tokens", num_classes), axis, dtype)  # type: ignore[arg-type]
    return jnp.max(rows, axis=1 if x.ndim > 1 else 0)


# ------------------------------------------------------------------ other dtypes
def convert_to_tensor(
    x: ArrayLike, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Array:
    """`x` as an array."""
    return jnp.asarray(x, dtype)


def cast(x: ArrayLike, dtype: DTypeLike) -> Array:
    """`x` in another dtype."""
    return jnp.asarray(x).astype(dtype)


def saturate_cast(x: ArrayLike, dtype: DTypeLike) -> Array:
    """`x` in another dtype, cut off at its bounds."""
    x, dtype = jnp.asarray(x), jnp.dtype(dtype)
    if dtype.kind == "b" or (jnp.issubdtype(dtype, jnp.inexact) and jnp.issubdtype(x.dtype, jnp.integer)):
        return x.astype(dtype)
    info = jnp.iinfo(dtype) if jnp.issubdtype(dtype, jnp.integer) else jnp.finfo(dtype)
    own = jnp.iinfo(x.dtype) if jnp.issubdtype(x.dtype, jnp.integer) else None
    low, high = float(info.min), float(info.max)
    if own is not None:
        low, high = builtins.max(int(info.min), own.min), builtins.min(int(info.max), own.max)
    elif jnp.issubdtype(dtype, jnp.integer) and info.bits >= 24:  # the bound itself is no float32
        high = float(np.nextafter(np.asarray(info.max, x.dtype), np.asarray(0, x.dtype)))
    return jnp.clip(x, jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)).astype(dtype)


def view(x: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """The same bits as another dtype."""
    return jnp.asarray(x).view(dtype)


# ------------------------------------------------------------------ entry by entry
def divide_no_nan(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 / x2`, and 0 where `x2` is 0."""
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    return jnp.where(x2 == 0, 0, x1 / jnp.where(x2 == 0, 1, x2))


def clip(x: ArrayLike, x_min: ArrayLike | None = None, x_max: ArrayLike | None = None, **more: ArrayLike) -> Array:
    """`x` between two bounds; `min` and `max` are other names for them."""
    return jnp.clip(x, more.get("min", x_min), more.get("max", x_max))


def nan_to_num(
    x: ArrayLike, nan: float = 0.0, posinf: ArrayLike | None = None, neginf: ArrayLike | None = None
) -> Array:
    """`x` with finite numbers for NaN and infinities."""
    return jnp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def round(x: ArrayLike, decimals: int = 0) -> Array:
    """`x` to so many decimals; fewer than none are tens, hundreds, …"""
    x = jnp.asarray(x)
    if decimals >= 0 or not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.round(x, decimals)
    tens = jnp.float32(10.0**decimals)
    return (jnp.round(x.astype(jnp.float32) * tens) / tens).astype(x.dtype)


def _rounded_to_floats(name: str) -> Callable[[ArrayLike], Array]:
    """jax.numpy's function, whose result is of floats for integers too."""
    function = getattr(jnp, name)

    def rounded(x: ArrayLike) -> Array:
        x = jnp.asarray(x)
        return function(x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32))

    rounded.__doc__ = function.__doc__
    return rounded


# ------------------------------------------------------------------ sums of products
def _accumulator(operands: Iterable[ArrayLike]) -> DTypeLike | None:
    """The dtype of sums of products: 32-bit integers for 8-bit ones."""
    return jnp.int32 if all(jnp.result_type(o) == jnp.int8 for o in operands) else None


def matmul(x1: Num[ArrayLike, "*batch m n"], x2: Num[ArrayLike, "*batch n p"], **more: object) -> Array:
    """The matrix product of the last two axes."""
    return jnp.matmul(x1, x2, **{"preferred_element_type": _accumulator((x1, x2)), **more})  # type: ignore[arg-type]


def einsum(subscripts: str, *operands: ArrayLike | Sequence[ArrayLike], **kwargs: object) -> Array:
    """A sum of products by a formula: `"ij,jk->ik"`."""
    arrays = [jnp.asarray(o) if isinstance(o, list | tuple) else o for o in operands]
    settings = {"preferred_element_type": _accumulator(arrays), **kwargs}  # type: ignore[arg-type]
    return jnp.einsum(subscripts, *arrays, **settings)  # type: ignore[arg-type, call-overload]


OWN: Table = {
    **{name: _rounded_to_floats(name) for name in ("ceil", "floor")},
    **{
        f.__name__: f
        for f in (
            reshape, tile, pad, unstack, identity, full, one_hot, multi_hot, convert_to_tensor, cast, saturate_cast,
            view, divide_no_nan, clip, nan_to_num, round, matmul, einsum, rearrange,
        )
    },
}  # fmt: skip
