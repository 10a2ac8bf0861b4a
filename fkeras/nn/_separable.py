"""Convolutions by channel, and convolutions split into one by channel and one across channels."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jax import lax

from ..core import Layer, field, register
from ..core.typing import Array, Num
from . import _arguments as arg
from ._convolutional import Convolution, convolve, dimension_numbers, finish, normalise
from ._shapes import check_rank, to_last

_PADDING = arg.one_of("padding", "valid", "same")


@runtime_checkable
class _ByChannel(Convolution, Protocol):
    """A layer that convolves each channel for itself."""

    depth_multiplier: int
    depthwise_initializer: arg.InitializerLike
    depthwise_regularizer: arg.RegularizerLike
    depthwise_constraint: arg.ConstraintLike


def _by_channel(
    layer: _ByChannel, x: Num[Array, "batch *space channels"], name: str
) -> Num[Array, "batch *new_space outputs"]:
    """Each channel convolved with `depth_multiplier` windows of its own.

    The weight has Keras's shape, `(..., channels, depth_multiplier)`, from which initializers count their fans.
    """
    channels = x.shape[-1]
    kernel = layer.add_weight(
        (*layer.kernel_size, channels, layer.depth_multiplier),
        layer.depthwise_initializer,
        regularizer=layer.depthwise_regularizer,
        constraint=layer.depthwise_constraint,
        name=name,
    )
    return convolve(layer, x, kernel.reshape((*layer.kernel_size, 1, channels * layer.depth_multiplier)), channels)


class _DepthwiseConv(Layer):
    """`activation(inputs * kernel + bias)`, each channel with its own windows."""

    kernel_size: arg.SizesLike = field()
    strides: arg.SizesLike = 1
    padding: str = field("valid", convert=_PADDING)
    depth_multiplier: int = field(1, convert=lambda value: arg.positive_int(value, "depth_multiplier"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    dilation_rate: arg.SizesLike = 1
    activation: arg.ActivationLike = arg.activation()
    use_bias: bool = True
    depthwise_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    depthwise_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    depthwise_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()

    _rank = 0

    def __post_init__(self) -> None:
        normalise(self)
        super().__post_init__()

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch *new_space filters"]:
        check_rank(self, inputs, self._rank + 2)
        x = _by_channel(self, to_last(inputs, self.data_format), "kernel")
        return finish(self, x, x.shape[-1])


class _SeparableConv(Layer):
    """A convolution by channel, then one of window 1 across channels, then bias and activation."""

    filters: int = arg.positive("filters")
    kernel_size: arg.SizesLike = field()
    strides: arg.SizesLike = 1
    padding: str = field("valid", convert=_PADDING)
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    dilation_rate: arg.SizesLike = 1
    depth_multiplier: int = field(1, convert=lambda value: arg.positive_int(value, "depth_multiplier"))
    activation: arg.ActivationLike = arg.activation()
    use_bias: bool = True
    depthwise_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    pointwise_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    depthwise_regularizer: arg.RegularizerLike = arg.regularizer()
    pointwise_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    depthwise_constraint: arg.ConstraintLike = arg.constraint()
    pointwise_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()

    _rank = 0

    def __post_init__(self) -> None:
        normalise(self)
        super().__post_init__()

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch *new_space filters"]:
        check_rank(self, inputs, self._rank + 2)
        x = _by_channel(self, to_last(inputs, self.data_format), "depthwise_kernel")
        ones = (1,) * self._rank
        across = self.add_weight(
            (*ones, x.shape[-1], self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        x = lax.conv_general_dilated(x, across, ones, "VALID", dimension_numbers=dimension_numbers(self._rank))
        return finish(self, x, self.filters)


@register("keras.layers")
class DepthwiseConv1D(_DepthwiseConv):
    """A convolution over time in which each channel keeps to itself.

    Args:
        kernel_size: the window's length.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        depth_multiplier: how many outputs each channel has.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        dilation_rate: the distance between the window's taps.
        activation: function of the output.
        use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
        activity_regularizer, depthwise_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, channels * depth_multiplier)`.

    Raises:
        ValueError: wrong sizes or padding, or a window larger than the input.

    >>> import fkeras as fk
    >>> fk.nn.DepthwiseConv1D(3, depth_multiplier=2)(fk.Input((8, 5))).shape
    (None, 6, 10)

    Reference: https://keras.io/api/layers/convolution_layers/depthwise_convolution1d/
    """

    _rank = 1


@register("keras.layers")
class DepthwiseConv2D(_DepthwiseConv):
    """A convolution over an image in which each channel keeps to itself.

    Args:
        kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate: as for `DepthwiseConv1D`, one
            number or one an axis.
        activation: function of the output.
        use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
        activity_regularizer, depthwise_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, new_height, new_width, channels * depth_multiplier)`.

    Raises:
        ValueError: as for `DepthwiseConv1D`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.DepthwiseConv2D(3).init(jax.random.key(0), jnp.ones((1, 8, 8, 2)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (2,), 'kernel': (3, 3, 2, 1)}}

    Reference: https://keras.io/api/layers/convolution_layers/depthwise_convolution2d/
    """

    strides: arg.SizesLike = (1, 1)
    dilation_rate: arg.SizesLike = (1, 1)

    _rank = 2


@register("keras.layers")
class SeparableConv1D(_SeparableConv):
    """A convolution over time, first by channel and then across channels.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution by channel, as for `Conv1D`.
        depth_multiplier: how many numbers each channel has between the two.
        activation: function of the output.
        use_bias, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
        pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint,
        pointwise_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    Raises:
        ValueError: wrong sizes or padding, or a window larger than the input.

    >>> import fkeras as fk
    >>> fk.nn.SeparableConv1D(16, 3)(fk.Input((8, 5))).shape
    (None, 6, 16)

    Reference: https://keras.io/api/layers/convolution_layers/separable_convolution1d/
    """

    _rank = 1


@register("keras.layers")
class SeparableConv2D(_SeparableConv):
    """A convolution over an image, first by channel and then across channels.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution by channel, as for `Conv2D`.
        depth_multiplier: how many numbers each channel has between the two.
        activation: function of the output.
        use_bias, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
        pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint,
        pointwise_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, height, width, channels)`. Output shape: `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: as for `SeparableConv1D`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.SeparableConv2D(4, 3).init(jax.random.key(0), jnp.ones((1, 8, 8, 2)))
    >>> jax.tree.map(jnp.shape, variables["params"])
    {'bias': (4,), 'depthwise_kernel': (3, 3, 2, 1), 'pointwise_kernel': (1, 1, 2, 4)}

    Reference: Chollet, arXiv:1610.02357. https://keras.io/api/layers/convolution_layers/separable_convolution2d/
    """

    strides: arg.SizesLike = (1, 1)
    dilation_rate: arg.SizesLike = (1, 1)

    _rank = 2
