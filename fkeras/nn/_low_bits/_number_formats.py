"""Weights in few bits: numbers on a grid, and one scale for each output channel or block.

`weight ≈ numbers · scale`, where the largest number of a channel lies at the end of the grid. Four-bit numbers lie two
in a byte, so `nbytes` counts what is really kept, in memory and on disk.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp

from ...core.typing import Array, Float, Num, Shaped

# The 16 quantiles of a normal distribution: Dettmers et al., QLoRA, arXiv:2305.14314, appendix E.
_NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
# The number at the end of each grid.
LARGEST = {"int8": 127.0, "int4": 7.0, "float8": 448.0, "nf4": 1.0}
FORMATS = tuple(LARGEST)


@functools.partial(jax.jit, static_argnames=("form", "block_size", "by_row"))
def encode(
    weight: Float[Array, "*inputs channels"], form: str, block_size: int | None = None, by_row: bool = False
) -> tuple[Shaped[Array, "*numbers"], Float[Array, "blocks columns"]]:
    """A weight as numbers on a grid and the scale of each column, `(numbers, scale)`.

    Args:
        weight: its last axis is the output's channels.
        form: one of `FORMATS`.
        block_size: how many inputs share a scale; all of a channel's by default.
        by_row: whether the first axis takes the channels' part (a table of embeddings: one scale a row).

    Returns:
        The numbers in the weight's shape, four-bit ones as `(rows / 2, columns)`, and the scales.

    >>> numbers, scale = encode(jnp.array([[7.0, 4.0], [-2.0, 7.0]]), "int4")
    >>> numbers, scale.shape
    (Array([[231, 116]], dtype=uint8), (1, 2))
    """
    wide = jnp.asarray(weight, jnp.float32)
    blocks = _blocks(_matrix(wide, by_row), block_size)
    largest = jnp.max(jnp.abs(blocks), axis=1)
    scale = jnp.where(largest > 0, largest, LARGEST[form]) / LARGEST[form]
    ratio = blocks / scale[:, None]
    rows = _matrix(wide, by_row).shape[0]
    flat = ratio.reshape(-1, ratio.shape[-1])[:rows]
    if form == "float8":
        numbers = jnp.clip(flat, -448, 448).astype(jnp.float8_e4m3fn)
    elif form == "nf4":
        middles = (jnp.asarray(_NF4[1:]) + jnp.asarray(_NF4[:-1])) / 2
        numbers = jnp.searchsorted(middles, flat).astype(jnp.uint8)
    else:
        numbers = jnp.clip(jnp.round(flat), -LARGEST[form], LARGEST[form]).astype(jnp.int8)
    if form in ("int4", "nf4"):
        return _pack(numbers), scale
    return _unmatrix(numbers, weight.shape, by_row), scale


def decode(
    numbers: Shaped[Array, "*numbers"],
    scale: Float[Array, "blocks columns"],
    shape: tuple[int, ...],
    form: str,
    block_size: int | None,
    by_row: bool,
) -> Float[Array, "*weight"]:
    """The weight that `encode` kept, float32; `shape` is the weight's.

    >>> numbers, scale = encode(jnp.array([[1.0, 7.0], [-7.0, 2.0]]), "int4")
    >>> decode(numbers, scale, (2, 2), "int4", None, False)
    Array([[ 1.,  7.],
           [-7.,  2.]], dtype=float32)
    """
    if form in ("int4", "nf4"):
        columns = shape[0] if by_row else shape[-1]
        flat = _unpack(numbers)[: math.prod(shape) // columns]
        flat = jnp.asarray(_NF4)[flat] if form == "nf4" else _signed(flat.astype(jnp.float32))
    else:
        flat = _matrix(numbers, by_row)
    rows = flat.shape[0]
    values = _blocks(flat.astype(jnp.float32), block_size) * scale[:, None]
    return _unmatrix(values.reshape(-1, values.shape[-1])[:rows], shape, by_row)


def _matrix(weight: Shaped[Array, "*weight"], by_row: bool) -> Shaped[Array, "inputs channels"]:
    """`(inputs, channels)`."""
    return weight.reshape(weight.shape[0], -1).T if by_row else weight.reshape(-1, weight.shape[-1])


def _unmatrix(
    matrix: Shaped[Array, "inputs channels"], shape: tuple[int, ...], by_row: bool
) -> Shaped[Array, "*weight"]:
    return (matrix.T if by_row else matrix).reshape(shape)


def _blocks(matrix: Float[Array, "inputs channels"], block_size: int | None) -> Float[Array, "blocks size channels"]:
    """`(blocks, inputs of a block, channels)`, the last block filled up with zeros."""
    rows, columns = matrix.shape
    size = rows if block_size is None else min(block_size, rows)
    count = -(-rows // size)
    return jnp.pad(matrix, ((0, count * size - rows), (0, 0))).reshape(count, size, columns)


def _pack(numbers: Num[Array, "rows columns"]) -> Num[Array, "pairs columns"]:
    """Four-bit rows two in a byte, the even one in the low half."""
    even = jnp.pad(numbers, ((0, numbers.shape[0] % 2), (0, 0))).astype(jnp.uint8) & 15
    return even[0::2] | (even[1::2] << 4)


def _unpack(packed: Num[Array, "pairs columns"]) -> Num[Array, "rows columns"]:
    return jnp.stack([packed & 15, packed >> 4], axis=1).reshape(-1, packed.shape[-1])


def _signed(numbers: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
    """0 to 15 as -8 to 7, on floats, as few runtimes choose between bytes."""
    return jnp.where(numbers > 7, numbers - 16, numbers)


def fake(values: Float[Array, "*shape"], largest: Float[Array, "*per_channel"], form: str) -> Float[Array, "*shape"]:
    """`values` moved onto the grid that ends at `largest`, with the gradient of no move (straight through).

    Bengio et al., arXiv:1308.3432. Values past the end of the grid are cut, and get no gradient.
    """
    scale = jnp.where(largest > 0, largest, LARGEST[form]) / LARGEST[form]
    ratio = values.astype(jnp.float32) / scale
    cut = jnp.clip(ratio, -LARGEST[form], LARGEST[form])
    grid = jnp.round(cut) if form != "float8" else cut.astype(jnp.float8_e4m3fn).astype(jnp.float32)
    return ((cut + jax.lax.stop_gradient(grid - cut)) * scale).astype(values.dtype)
