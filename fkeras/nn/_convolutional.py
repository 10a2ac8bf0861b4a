"""Convolutions in one, two and three dimensions."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import jax
from jax import lax

from ..core import Layer, explain, field, register
from ..core.typing import Array, Config, Num
from . import _arguments as arg
from ._shapes import NamedLayer, check_rank, check_window, from_last, to_last

_PADDING = arg.one_of("padding", "valid", "same", "causal")


class _Conv(Layer):
    """`activation(inputs * kernel + bias)`, where `*` slides the kernel over the space axes."""

    filters: int = arg.positive("filters")
    kernel_size: arg.SizesLike = field()
    strides: arg.SizesLike = 1
    padding: str = field("valid", convert=_PADDING)
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    dilation_rate: arg.SizesLike = 1
    groups: int = field(1, convert=lambda value: arg.positive_int(value, "groups"))
    activation: arg.ActivationLike = arg.activation()
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    lora_rank: int | None = field(None, convert=arg.counted("lora_rank"))
    lora_alpha: float | None = None

    _rank = 0

    def __post_init__(self) -> None:
        normalise(self)
        super().__post_init__()
        name = type(self).__name__
        if self.filters % self.groups:
            raise ValueError(
                explain(
                    f"{name}: groups must divide filters.",
                    received=f"groups={self.groups}, filters={self.filters}",
                    write=f"{name}({self.groups * 4}, ..., groups={self.groups})",
                )
            )
        refuse_strides_with_dilation(self)
        if self.padding == "causal" and self._rank != 1:
            raise ValueError(
                explain(
                    f"{name}: causal padding is Conv1D's.",
                    received="padding='causal'",
                    usually="only one axis can be time.",
                    write='padding="same"',
                )
            )

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch *new_space filters"]:
        check_rank(self, inputs, self._rank + 2)
        x = to_last(inputs, self.data_format)
        channels = x.shape[-1]
        if isinstance(channels, int) and channels % self.groups:
            raise ValueError(
                explain(
                    f"{self.path_text()}: groups must divide the input's channels.",
                    received=f"groups={self.groups}, {channels} channels",
                    write="groups that divide both channels and filters",
                )
            )
        kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        return finish(self, convolve(self, x, kernel, self.groups), self.filters)

    def get_config(self) -> Config:
        return arg.without_lora(super().get_config(), self.lora_rank)


# ------------------------------------------------------------------ what all convolutions share
@runtime_checkable
class Convolution(NamedLayer, Protocol):
    """A layer with the fields that all convolutions have."""

    kernel_size: arg.SizesLike
    strides: arg.SizesLike
    padding: str
    data_format: arg.DataFormat
    dilation_rate: arg.SizesLike
    activation: arg.ActivationLike
    use_bias: bool
    bias_initializer: arg.InitializerLike
    bias_regularizer: arg.RegularizerLike
    bias_constraint: arg.ConstraintLike
    _rank: int

    def add_weight(
        self,
        shape: tuple[int, ...],
        initializer: arg.InitializerLike,
        *,
        regularizer: arg.RegularizerLike,
        constraint: arg.ConstraintLike,
        name: str,
    ) -> jax.Array:
        """Make or read a weight: see `Layer.add_weight`."""


def normalise(layer: Convolution) -> None:
    """A convolution's sizes as tuples of its rank; for `__post_init__`, which comes before the fields are sealed."""
    for name in ("kernel_size", "strides", "dilation_rate"):
        object.__setattr__(layer, name, arg.sizes(layer._rank, name)(getattr(layer, name)))


def refuse_strides_with_dilation(layer: Convolution) -> None:
    """Keras has no convolution that both strides and dilates.

    Raises:
        ValueError: naming both.
    """
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ValueError(
            explain(
                f"{type(layer).__name__}: strides and dilation_rate cannot both be over 1.",
                received=f"strides={layer.strides}, dilation_rate={layer.dilation_rate}",
                write="one of the two as 1",
            )
        )


def dimension_numbers(rank: int) -> tuple[str, str, str]:
    """The axes of input, kernel and output, channels last, as `lax` names them."""
    space = "DHW"[3 - rank :]
    return f"N{space}C", f"{space}IO", f"N{space}C"


def convolve(
    layer: Convolution,
    x: Num[Array, "batch *space channels"],
    kernel: Num[Array, "*window inputs filters"],
    groups: int,
) -> Num[Array, "batch *new_space filters"]:
    """The layer's convolution of `x`, channels last, with a kernel."""
    window = [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    check_window(layer, x.shape[1:-1], window, layer.padding)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=layer.strides,
        padding=[(window[0] - 1, 0)] if layer.padding == "causal" else layer.padding.upper(),
        rhs_dilation=layer.dilation_rate,
        dimension_numbers=dimension_numbers(layer._rank),
        feature_group_count=groups,
    )


def finish(layer: Convolution, x: Num[Array, "batch *space channels"], channels: int) -> Num[Array, "batch ..."]:
    """Bias, channel order and activation."""
    if layer.use_bias:
        bias = layer.add_weight(
            (channels,),
            layer.bias_initializer,
            regularizer=layer.bias_regularizer,
            constraint=layer.bias_constraint,
            name="bias",
        )
        x += bias.reshape((1,) * (layer._rank + 1) + (channels,))
    return layer.activation(from_last(x, layer.data_format))


@register("keras.layers")
class Conv1D(_Conv):
    """A convolution over one axis: time.

    Args:
        filters: the number of output channels.
        kernel_size: the window's length.
        strides: how far the window moves.
        padding: `"valid"`, `"same"`, or `"causal"`: output `t` sees inputs up to `t`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        dilation_rate: the distance between the window's taps.
        groups: channels are split into so many groups, each with its own filters.
        activation: function of the output.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, lora_rank, lora_alpha: as for `Dense`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    Raises:
        ValueError: wrong sizes or padding, groups that do not divide, a window larger than the input.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.Conv1D(4, 3).init(jax.random.key(0), jnp.ones((1, 8, 2)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (4,), 'kernel': (3, 2, 4)}}

    Reference: https://keras.io/api/layers/convolution_layers/convolution1d/
    """

    _rank = 1


@register("keras.layers")
class Conv2D(_Conv):
    """A convolution over two axes: an image.

    Args:
        filters: the number of output channels.
        kernel_size: the window's height and width, or one number for both.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        dilation_rate: the distance between the window's taps.
        groups: channels are split into so many groups, each with its own filters.
        activation: function of the output.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, lora_rank, lora_alpha: as for `Dense`.

    Input shape: `(batch, height, width, channels)`. Output shape: `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: wrong sizes or padding, groups that do not divide, a window larger than the input.

    >>> import fkeras as fk
    >>> fk.nn.Conv2D(32, (3, 3), (2, 2), "same")(fk.Input((None, None, 3))).shape
    (None, None, None, 32)

    Reference: https://keras.io/api/layers/convolution_layers/convolution2d/
    """

    strides: arg.SizesLike = (1, 1)
    dilation_rate: arg.SizesLike = (1, 1)

    _rank = 2


@register("keras.layers")
class Conv3D(_Conv):
    """A convolution over three axes: a volume.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate, groups, activation: as for `Conv2D`.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, lora_rank, lora_alpha: as for `Dense`.

    Input shape: `(batch, depth, height, width, channels)`.

    >>> import fkeras as fk
    >>> fk.nn.Conv3D(2, 2)(fk.Input((4, 4, 4, 1))).shape
    (None, 3, 3, 3, 2)

    Reference: https://keras.io/api/layers/convolution_layers/convolution3d/
    """

    strides: arg.SizesLike = (1, 1, 1)
    dilation_rate: arg.SizesLike = (1, 1, 1)

    _rank = 3
