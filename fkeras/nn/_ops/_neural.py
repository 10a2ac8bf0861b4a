"""Convolutions, pooling, normalisation and losses as functions, with Keras's arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen
from jax import lax

from ...core import explain
from .. import _moments as moments
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
from ._ctc import ctc_decode, ctc_loss

_EPSILON = 1e-7
_AVERAGE = {1: AdaptiveAveragePooling1D, 2: AdaptiveAveragePooling2D, 3: AdaptiveAveragePooling3D}
_MAX = {1: AdaptiveMaxPooling1D, 2: AdaptiveMaxPooling2D, 3: AdaptiveMaxPooling3D}
_TRANSPOSED = {1: Conv1DTranspose, 2: Conv2DTranspose, 3: Conv3DTranspose}


def _sizes(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _format(data_format: Any) -> str:
    return data_format or "channels_last"


def _convolve(
    x: Any, kernel: Any, strides: Any, padding: str, data_format: Any, dilation: Any, groups: int
) -> jax.Array:
    x = to_last(jnp.asarray(x), _format(data_format))
    rank = x.ndim - 2
    space = "DHW"[3 - rank :]
    y = lax.conv_general_dilated(
        x, jnp.asarray(kernel), _sizes(strides, rank), padding.upper(), rhs_dilation=_sizes(dilation, rank),
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"), feature_group_count=groups,
    )  # fmt: skip
    return from_last(y, _format(data_format))


def conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> jax.Array:
    """A convolution over one, two or three axes; a kernel of fewer channels means groups."""
    inputs, kernel = jnp.asarray(inputs), jnp.asarray(kernel)
    channels = inputs.shape[1 if data_format == "channels_first" else -1]
    return _convolve(inputs, kernel, strides, padding, data_format, dilation_rate, channels // kernel.shape[-2])


def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> jax.Array:
    """A convolution channel by channel; the kernel is `(..., channels, multiplier)`."""
    kernel = jnp.asarray(kernel)
    channels, times = kernel.shape[-2:]
    flat = kernel.reshape(*kernel.shape[:-2], 1, channels * times)
    return _convolve(inputs, flat, strides, padding, data_format, dilation_rate, channels)


def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: Any = None, dilation_rate: Any = 1,
) -> jax.Array:  # fmt: skip
    """A convolution channel by channel, then one of a single number that mixes the channels."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
    data_format: Any = None, dilation_rate: Any = 1,
) -> jax.Array:  # fmt: skip
    """A transposed convolution; the kernel is `(..., outputs, inputs)`."""
    kernel = jnp.asarray(kernel)
    rank = kernel.ndim - 2
    layer: Any = _TRANSPOSED[rank](
        kernel.shape[-2], kernel.shape[:-2], strides, padding, output_padding, data_format, dilation_rate,
        use_bias=False, dtype=str(jnp.asarray(inputs).dtype),
    )  # fmt: skip
    outputs: Any = layer.apply({"params": {"kernel": kernel}}, jnp.asarray(inputs))
    return outputs


def _pool(
    function: Callable[..., Any], inputs: Any, pool_size: Any, strides: Any, padding: str, data: Any, **more: Any
) -> Any:
    given = jnp.asarray(inputs)
    x = to_last(given, _format(data))
    rank = x.ndim - 2
    window = _sizes(pool_size, rank)
    steps = window if strides is None else _sizes(strides, rank)
    return from_last(function(x, window, steps, padding.upper(), **more), _format(data))


def max_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None) -> Any:
    """The largest number of each window."""
    return _pool(linen.max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None
) -> jax.Array:
    """The mean of each window, padding left out."""
    return _pool(linen.avg_pool, inputs, pool_size, strides, padding, data_format, count_include_pad=False)


def adaptive_average_pool(inputs: Any, output_size: Any, data_format: Any = None) -> jax.Array:
    """The means of windows that divide the input into an output of a given size."""
    inputs = jnp.asarray(inputs)
    return _AVERAGE[inputs.ndim - 2](output_size, data_format, dtype=str(inputs.dtype))(inputs)


def adaptive_max_pool(inputs: Any, output_size: Any, data_format: Any = None) -> jax.Array:
    """The largest numbers of windows that divide the input into an output of a given size."""
    inputs = jnp.asarray(inputs)
    return _MAX[inputs.ndim - 2](output_size, data_format, dtype=str(inputs.dtype))(inputs)


def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> jax.Array:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset` along an axis."""
    x = jnp.asarray(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    factor = lax.rsqrt(jnp.asarray(variance) + epsilon) * (1 if scale is None else jnp.asarray(scale))
    shift = (0 if offset is None else jnp.asarray(offset)) - jnp.asarray(mean) * factor
    return x * factor.reshape(shape) + shift.reshape(shape)


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    return tuple(sorted(a % rank for a in ((axis,) if isinstance(axis, int) else axis)))


def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, rms_scaling: bool = False
) -> jax.Array:
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the moments of the given axes."""
    x = jnp.asarray(x)
    axes = _axes(axis, x.ndim)
    settings: dict[str, Any] = {"axes": axes, "epsilon": _EPSILON if epsilon is None else float(epsilon)}
    gamma, beta = (None if w is None else _over(w, axes, x) for w in (gamma, beta))
    if rms_scaling:
        return moments.scaled_by_deviation(x, gamma, **settings).astype(x.dtype)
    return moments.standardised(x, gamma, beta, **settings).astype(x.dtype)


def _over(weight: Any, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    return jnp.asarray(weight).reshape(tuple(x.shape[a] for a in axes))


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> jax.Array:
    """`scale x / sqrt(mean(x^2) + epsilon)` over the given axes."""
    x = jnp.asarray(x)
    axes = _axes(axis, x.ndim)
    scale = None if scale is None else _over(scale, axes, x)
    epsilon = _EPSILON if epsilon is None else float(epsilon)
    return moments.scaled_by_root_mean_square(x, scale, axes=axes, epsilon=epsilon).astype(x.dtype)


def _probabilities(output: jax.Array, axis: int) -> jax.Array:
    return jnp.clip(output / jnp.sum(output, axis, keepdims=True), _EPSILON, 1 - _EPSILON)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> jax.Array:
    """`-sum(target log(output))` along an axis."""
    output = jnp.asarray(output)
    logs = jax.nn.log_softmax(output, axis) if from_logits else jnp.log(_probabilities(output, axis))
    return -jnp.sum(jnp.asarray(target) * logs, axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> jax.Array:
    """`-log(output[target])` along an axis."""
    target, output = jnp.asarray(target).astype(jnp.int32), jnp.asarray(output)
    target = target[..., 0] if target.ndim == output.ndim and target.shape[-1] == 1 else target
    return categorical_crossentropy(jax.nn.one_hot(target, output.shape[axis], axis=axis), output, from_logits, axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> jax.Array:
    """`-target log(output) - (1 - target) log(1 - output)`."""
    target, output = jnp.asarray(target), jnp.asarray(output)
    if from_logits:
        return -target * jax.nn.log_sigmoid(output) - (1.0 - target) * jax.nn.log_sigmoid(-output)
    output = jnp.clip(output, _EPSILON, 1 - _EPSILON)
    return -(target * jnp.log(output) + (1.0 - target) * jnp.log(1.0 - output))


def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any
) -> jax.Array:
    """A 1 for each class that occurs in a row."""
    x = jnp.asarray(inputs)
    depth: Any = kwargs.get("num_tokens", num_classes)
    rows = jax.nn.one_hot(x.astype(jnp.int32), depth, axis=axis, dtype=dtype or jnp.float32)
    return jnp.max(rows, axis=1 if x.ndim > 1 else 0)


def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None, is_causal: bool = False,
    flash_attention: Any = None, attn_logits_soft_cap: Any = None,
) -> jax.Array:  # fmt: skip
    """`softmax(scale q k^T + bias) v`, for `(batch, time, heads, size)`; XLA chooses the implementation."""
    if attn_logits_soft_cap is not None:
        raise ValueError(
            explain("dot_product_attention: attn_logits_soft_cap is for TPU kernels.", received=attn_logits_soft_cap)
        )
    q, k, v = (jnp.asarray(a) for a in (query, key, value))
    return jax.nn.dot_product_attention(q, k, v, bias=bias, mask=mask, scale=scale, is_causal=is_causal)


def psnr(x1: Any, x2: Any, max_val: Any) -> jax.Array:
    """The peak signal-to-noise ratio in decibels."""
    error = jnp.mean(jnp.square(jnp.asarray(x1) - jnp.asarray(x2)))
    return 20 * jnp.log10(jnp.asarray(max_val, error.dtype)) - 10 * jnp.log10(error)


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> jax.Array:
    """Channels as blocks of pixels; with channels first, a block is the channels' inner part."""
    x, b = jnp.asarray(x), block_size
    if data_format == "channels_first":
        n, c, h, w = x.shape
        y = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return y.reshape(n, c // b**2, h * b, w * b)
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> jax.Array:
    """Blocks of pixels as channels: the inverse of `depth_to_space`."""
    x, b = jnp.asarray(x), block_size
    if data_format == "channels_first":
        n, c, h, w = x.shape
        y = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
        return y.reshape(n, c * b**2, h // b, w // b)
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, c * b**2)


def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> jax.Array:
    """The windows of images `(n, c, h, w)` as columns, `(n, c * window, windows)`."""
    k, d, p, s = (_sizes(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = jnp.pad(jnp.asarray(x), ((0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])))
    y = lax.conv_general_dilated_patches(x, k, s, "VALID", rhs_dilation=d, dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y.reshape(y.shape[0], y.shape[1], y.shape[2] * y.shape[3])


def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> jax.Array:
    """Columns of windows added up to images: the transpose of `unfold`."""
    x = jnp.asarray(x)
    channels = x.shape[1] // math.prod(_sizes(kernel_size, 2))
    shape = jax.ShapeDtypeStruct((x.shape[0], channels, *_sizes(output_size, 2)), x.dtype)
    (images,) = jax.linear_transpose(lambda i: unfold(i, kernel_size, dilation, padding, stride), shape)(x)
    return images


OWN: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        conv, depthwise_conv, separable_conv, conv_transpose, max_pool, average_pool, adaptive_average_pool,
        adaptive_max_pool, batch_normalization, layer_normalization, rms_normalization, categorical_crossentropy,
        sparse_categorical_crossentropy, binary_crossentropy, multi_hot, dot_product_attention, ctc_loss, ctc_decode,
        psnr, depth_to_space, space_to_depth, unfold, fold,
    )
}  # fmt: skip
