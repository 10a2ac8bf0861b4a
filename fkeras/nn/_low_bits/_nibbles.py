"""Four-bit numbers, two in a byte along an axis: the even one in the low half, as Keras packs them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core.typing import Array, Num


def pack(numbers: Num[Array, "*shape"], axis: int) -> Num[Array, "*packed"]:
    """Numbers from 0 to 15, or from -8 to 7, two in a byte along an axis; of another number a zero fills up.

    >>> pack(jnp.array([1, -1, 2], jnp.int8), 0)
    Array([-15,   2], dtype=int8)
    """
    rows = jnp.moveaxis(numbers, axis, 0)
    even = jnp.pad(rows, ((0, rows.shape[0] % 2), *[(0, 0)] * (rows.ndim - 1))).astype(jnp.uint8) & 15
    packed = even[0::2] | (even[1::2] << 4)
    dtype = jnp.uint8 if numbers.dtype == jnp.uint8 else jnp.int8
    return jnp.moveaxis(jax.lax.bitcast_convert_type(packed, dtype), 0, axis)


def unpack(packed: Num[Array, "*packed"], size: int, axis: int) -> Num[Array, "*shape"]:
    """The numbers of `pack`, `size` of them along the axis: signed ones of int8, others of uint8.

    >>> unpack(jnp.array([-15, 2], jnp.int8), 3, 0)
    Array([ 1, -1,  2], dtype=int8)
    """
    rows = jnp.moveaxis(packed, axis, 0)
    if packed.dtype == jnp.int8:  # the shift of a signed byte keeps the sign
        halves = [(rows << 4) >> 4, rows >> 4]
    else:
        halves = [rows & 15, rows >> 4]
    return jnp.moveaxis(jnp.stack(halves, axis=1).reshape(-1, *rows.shape[1:])[:size], 0, axis)
