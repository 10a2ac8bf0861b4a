"""Blocks of pixels moved into channels or columns, and back, with Keras's arguments."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from ...core.typing import Array, ArrayLike, Num
from ._convolution import sizes
from ._types import Sizes, Table


def depth_to_space(
    x: Num[ArrayLike, "batch height width channels"], block_size: int, data_format: str = "channels_last"
) -> Num[Array, "batch rows columns depth"]:
    """Channels as blocks of pixels; with channels first, a block is the channels' inner part."""
    x, b = jnp.asarray(x), block_size
    if data_format == "channels_first":
        n, c, h, w = x.shape
        y = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return y.reshape(n, c // b**2, h * b, w * b)
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


def space_to_depth(
    x: Num[ArrayLike, "batch height width channels"], block_size: int, data_format: str = "channels_last"
) -> Num[Array, "batch rows columns depth"]:
    """Blocks of pixels as channels: the inverse of `depth_to_space`."""
    x, b = jnp.asarray(x), block_size
    if data_format == "channels_first":
        n, c, h, w = x.shape
        y = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
        return y.reshape(n, c * b**2, h // b, w // b)
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, c * b**2)


def unfold(
    x: Num[ArrayLike, "batch channels height width"], kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0,
    stride: Sizes = 1,
) -> Num[Array, "batch column windows"]:  # fmt: skip
    """The windows of images `(n, c, h, w)` as columns, `(n, c * window, windows)`."""
    k, d, p, s = (sizes(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = jnp.pad(jnp.asarray(x), ((0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])))
    y = lax.conv_general_dilated_patches(x, k, s, "VALID", rhs_dilation=d, dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y.reshape(y.shape[0], y.shape[1], y.shape[2] * y.shape[3])


def fold(
    x: Num[ArrayLike, "batch column windows"], output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1,
    padding: Sizes = 0, stride: Sizes = 1,
) -> Num[Array, "batch channels height width"]:  # fmt: skip
    """Columns of windows added up to images: the transpose of `unfold`."""
    x = jnp.asarray(x)
    channels = x.shape[1] // math.prod(sizes(kernel_size, 2))
    shape = jax.ShapeDtypeStruct((x.shape[0], channels, *sizes(output_size, 2)), x.dtype)
    (images,) = jax.linear_transpose(lambda i: unfold(i, kernel_size, dilation, padding, stride), shape)(x)
    return images


OWN: Table = {f.__name__: f for f in (depth_to_space, space_to_depth, unfold, fold)}
