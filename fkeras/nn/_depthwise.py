"""Convolutions channel by channel, alone and with a mix of the channels after them."""

from __future__ import annotations

from typing import Any

import jax
from jax import lax

from ..core import Layer, explain, field, register
from . import _arguments as arg
from ._shapes import check_rank, check_window, from_last, to_last

_PADDING = arg.one_of("padding", "valid", "same")


class _Depthwise(Layer):
    """What both kinds share: windows, and one convolution for each channel."""

    _rank = 0

    def __post_init__(self) -> None:
        for name in ("kernel_size", "strides", "dilation_rate"):
            object.__setattr__(self, name, arg.sizes(self._rank, name)(getattr(self, name)))
        super().__post_init__()
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: strides and dilation_rate cannot both be over 1.",
                    received=f"strides={self.strides}, dilation_rate={self.dilation_rate}",
                    write="one of the two as 1",
                )
            )

    def _by_channel(self, x: jax.Array, name: str) -> jax.Array:
        check_rank(self, x, self._rank + 2)
        window = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        check_window(self, x.shape[1:-1], window, self.padding)
        channels = x.shape[-1]
        kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name=name,
        )
        space = "DHW"[3 - self._rank :]
        return lax.conv_general_dilated(
            x,
            kernel.reshape((*self.kernel_size, 1, channels * self.depth_multiplier)),
            self.strides,
            self.padding.upper(),
            rhs_dilation=self.dilation_rate,
            dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
            feature_group_count=channels,
        )

    def _finish(self, x: jax.Array) -> jax.Array:
        if self.use_bias:
            bias = self.add_weight(
                (x.shape[-1],),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
            x += bias.reshape((1,) * (x.ndim - 1) + (-1,))
        return self.activation(from_last(x, self.data_format))


class _DepthwiseConv(_Depthwise):
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=_PADDING)
    depth_multiplier: int = field(1, convert=lambda value: arg.positive_int(value, "depth_multiplier"))
    data_format: Any = field(None, convert=arg.data_format)
    dilation_rate: Any = 1
    activation: Any = arg.activation()
    use_bias: bool = True
    depthwise_initializer: Any = arg.initializer("glorot_uniform")
    bias_initializer: Any = arg.initializer("zeros")
    depthwise_regularizer: Any = arg.regularizer()
    bias_regularizer: Any = arg.regularizer()
    activity_regularizer: Any = arg.regularizer()
    depthwise_constraint: Any = arg.constraint()
    bias_constraint: Any = arg.constraint()

    def call(self, inputs: jax.Array) -> jax.Array:
        return self._finish(self._by_channel(to_last(inputs, self.data_format), "kernel"))


class _SeparableConv(_Depthwise):
    filters: int = arg.positive("filters")
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=_PADDING)
    data_format: Any = field(None, convert=arg.data_format)
    dilation_rate: Any = 1
    depth_multiplier: int = field(1, convert=lambda value: arg.positive_int(value, "depth_multiplier"))
    activation: Any = arg.activation()
    use_bias: bool = True
    depthwise_initializer: Any = arg.initializer("glorot_uniform")
    pointwise_initializer: Any = arg.initializer("glorot_uniform")
    bias_initializer: Any = arg.initializer("zeros")
    depthwise_regularizer: Any = arg.regularizer()
    pointwise_regularizer: Any = arg.regularizer()
    bias_regularizer: Any = arg.regularizer()
    activity_regularizer: Any = arg.regularizer()
    depthwise_constraint: Any = arg.constraint()
    pointwise_constraint: Any = arg.constraint()
    bias_constraint: Any = arg.constraint()

    def call(self, inputs: jax.Array) -> jax.Array:
        x = self._by_channel(to_last(inputs, self.data_format), "depthwise_kernel")
        kernel = self.add_weight(
            (*(1,) * self._rank, x.shape[-1], self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        # a window of one number is a product over the channels
        x = lax.dot_general(x, kernel.reshape(x.shape[-1], self.filters), (((x.ndim - 1,), (0,)), ((), ())))
        return self._finish(x)


@register("keras.layers")
class DepthwiseConv1D(_DepthwiseConv):
    """A convolution over one axis with filters of its own for each channel.

    Args:
        kernel_size: the window's length.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        depth_multiplier: how many filters, and output channels, each input channel has.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        dilation_rate: the distance between the window's taps.
        activation: function of the output.
        use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
        activity_regularizer, depthwise_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, channels * depth_multiplier)`.

    Raises:
        ValueError: wrong sizes or padding, a window larger than the input.

    >>> import fkeras as fk
    >>> fk.nn.DepthwiseConv1D(3, depth_multiplier=2)(fk.Input((8, 4))).shape
    (None, 6, 8)

    Reference: https://keras.io/api/layers/convolution_layers/depthwise_convolution1d/
    """

    _rank = 1


@register("keras.layers")
class DepthwiseConv2D(_DepthwiseConv):
    """A convolution over two axes with filters of its own for each channel.

    Args:
        kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate and all others: as for
            `DepthwiseConv1D`.

    Input shape: `(batch, height, width, channels)`.

    >>> import fkeras as fk
    >>> fk.nn.DepthwiseConv2D(3, padding="same")(fk.Input((8, 8, 4))).shape
    (None, 8, 8, 4)

    Reference: https://keras.io/api/layers/convolution_layers/depthwise_convolution2d/
    """

    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)

    _rank = 2


@register("keras.layers")
class SeparableConv1D(_SeparableConv):
    """A convolution channel by channel over one axis, then a product that mixes the channels.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation: as for
            `DepthwiseConv1D`.
        use_bias, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
        pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, pointwise_constraint,
        bias_constraint: of the three weights and the output.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    >>> import fkeras as fk
    >>> fk.nn.SeparableConv1D(5, 3)(fk.Input((8, 4))).shape
    (None, 6, 5)

    Reference: Chollet, arXiv:1610.02357. https://keras.io/api/layers/convolution_layers/separable_convolution1d/
    """

    _rank = 1


@register("keras.layers")
class SeparableConv2D(_SeparableConv):
    """A convolution channel by channel over two axes, then a product that mixes the channels.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation and all others: as
            for `SeparableConv1D`.

    Input shape: `(batch, height, width, channels)`. Output shape: `(batch, new_height, new_width, filters)`.

    >>> import fkeras as fk
    >>> fk.nn.SeparableConv2D(5, 3, strides=2)(fk.Input((9, 9, 4))).shape
    (None, 4, 4, 5)

    Reference: Chollet, arXiv:1610.02357. https://keras.io/api/layers/convolution_layers/separable_convolution2d/
    """

    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)

    _rank = 2
