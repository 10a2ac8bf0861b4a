"""Convolutions and pooling as functions, with Keras's arguments."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen
from jax import lax

from ...core import Layer
from ...core.typing import Array, ArrayLike, Num
from .._adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from .._shapes import from_last, to_last
from .._transposed import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from ._types import DataFormat, Sizes, Table

_AVERAGE = {1: AdaptiveAveragePooling1D, 2: AdaptiveAveragePooling2D, 3: AdaptiveAveragePooling3D}
_MAX = {1: AdaptiveMaxPooling1D, 2: AdaptiveMaxPooling2D, 3: AdaptiveMaxPooling3D}
_TRANSPOSED: dict[int, Callable[..., Layer]] = {1: Conv1DTranspose, 2: Conv2DTranspose, 3: Conv3DTranspose}


def sizes(value: Sizes, rank: int) -> tuple[int, ...]:
    """One size, or a size for each axis, as `rank` sizes."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _format(data_format: DataFormat) -> str:
    return data_format or "channels_last"


def _convolve(
    x: ArrayLike, kernel: ArrayLike, strides: Sizes, padding: str, data_format: DataFormat, dilation: Sizes, groups: int
) -> Array:
    x = to_last(jnp.asarray(x), _format(data_format))
    rank = x.ndim - 2
    space = "DHW"[3 - rank :]
    y = lax.conv_general_dilated(
        x, jnp.asarray(kernel), sizes(strides, rank), padding.upper(), rhs_dilation=sizes(dilation, rank),
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"), feature_group_count=groups,
    )  # fmt: skip
    return from_last(y, _format(data_format))


def conv(
    inputs: Num[ArrayLike, "batch *space channels"], kernel: Num[ArrayLike, "*window channels filters"],
    strides: Sizes = 1, padding: str = "valid", data_format: DataFormat = None, dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space filters"]:  # fmt: skip
    """A convolution over one, two or three axes; a kernel of fewer channels means groups."""
    inputs, kernel = jnp.asarray(inputs), jnp.asarray(kernel)
    channels = inputs.shape[1 if data_format == "channels_first" else -1]
    return _convolve(inputs, kernel, strides, padding, data_format, dilation_rate, channels // kernel.shape[-2])


def depthwise_conv(
    inputs: Num[ArrayLike, "batch *space channels"], kernel: Num[ArrayLike, "*window channels multiplier"],
    strides: Sizes = 1, padding: str = "valid", data_format: DataFormat = None, dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space outputs"]:  # fmt: skip
    """A convolution channel by channel; the kernel is `(..., channels, multiplier)`."""
    kernel = jnp.asarray(kernel)
    channels, times = kernel.shape[-2:]
    flat = kernel.reshape(*kernel.shape[:-2], 1, channels * times)
    return _convolve(inputs, flat, strides, padding, data_format, dilation_rate, channels)


def separable_conv(
    inputs: Num[ArrayLike, "batch *space channels"], depthwise_kernel: Num[ArrayLike, "*window channels multiplier"],
    pointwise_kernel: Num[ArrayLike, "*ones outputs filters"], strides: Sizes = 1, padding: str = "valid",
    data_format: DataFormat = None, dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space filters"]:  # fmt: skip
    """A convolution channel by channel, then one of a single number that mixes the channels."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(
    inputs: Num[ArrayLike, "batch *space channels"], kernel: Num[ArrayLike, "*window filters channels"],
    strides: Sizes = 1, padding: str = "valid", output_padding: Sizes | None = None, data_format: DataFormat = None,
    dilation_rate: Sizes = 1,
) -> Num[Array, "batch *space filters"]:  # fmt: skip
    """A transposed convolution; the kernel is `(..., outputs, inputs)`."""
    kernel = jnp.asarray(kernel)
    rank = kernel.ndim - 2
    layer = _TRANSPOSED[rank](
        filters=kernel.shape[-2], kernel_size=kernel.shape[:-2], strides=strides, padding=padding,
        output_padding=output_padding, data_format=data_format, dilation_rate=dilation_rate, use_bias=False,
        dtype=str(jnp.asarray(inputs).dtype),
    )  # fmt: skip
    return layer.apply({"params": {"kernel": kernel}}, jnp.asarray(inputs))


def _pool(
    function: Callable[..., Array], inputs: ArrayLike, pool_size: Sizes, strides: Sizes | None, padding: str,
    data_format: DataFormat, **more: bool,
) -> Array:  # fmt: skip
    given = jnp.asarray(inputs)
    x = to_last(given, _format(data_format))
    rank = x.ndim - 2
    window = sizes(pool_size, rank)
    steps = window if strides is None else sizes(strides, rank)
    return from_last(function(x, window, steps, padding.upper(), **more), _format(data_format))


def max_pool(
    inputs: Num[ArrayLike, "batch *space channels"], pool_size: Sizes, strides: Sizes | None = None,
    padding: str = "valid", data_format: DataFormat = None,
) -> Num[Array, "batch *space channels"]:  # fmt: skip
    """The largest number of each window."""
    return _pool(linen.max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Num[ArrayLike, "batch *space channels"], pool_size: Sizes, strides: Sizes | None = None,
    padding: str = "valid", data_format: DataFormat = None,
) -> Num[Array, "batch *space channels"]:  # fmt: skip
    """The mean of each window, padding left out."""
    return _pool(linen.avg_pool, inputs, pool_size, strides, padding, data_format, count_include_pad=False)


def adaptive_average_pool(
    inputs: Num[ArrayLike, "batch *space channels"], output_size: Sizes, data_format: DataFormat = None
) -> Num[Array, "batch *space channels"]:
    """The means of windows that divide the input into an output of a given size."""
    inputs = jnp.asarray(inputs)
    return _AVERAGE[inputs.ndim - 2](output_size, data_format, dtype=str(inputs.dtype))(inputs)


def adaptive_max_pool(
    inputs: Num[ArrayLike, "batch *space channels"], output_size: Sizes, data_format: DataFormat = None
) -> Num[Array, "batch *space channels"]:
    """The largest numbers of windows that divide the input into an output of a given size."""
    inputs = jnp.asarray(inputs)
    return _MAX[inputs.ndim - 2](output_size, data_format, dtype=str(inputs.dtype))(inputs)


OWN: Table = {
    f.__name__: f
    for f in (
        conv, depthwise_conv, separable_conv, conv_transpose, max_pool, average_pool, adaptive_average_pool,
        adaptive_max_pool,
    )
}  # fmt: skip
