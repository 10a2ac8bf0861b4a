"""Transposed convolutions: the gradients of convolutions, which enlarge."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jax import lax

from ..core import Layer, explain, field, register
from ..core.typing import Array, Num
from . import _arguments as arg
from ._convolutional import Convolution, dimension_numbers, finish, normalise, refuse_strides_with_dilation
from ._shapes import check_rank, to_last

_PADDING = arg.one_of("padding", "valid", "same")


class _ConvTranspose(Layer):
    """`activation(inputs *^T kernel + bias)`: each number spreads over a window, windows add up."""

    filters: int = arg.positive("filters")
    kernel_size: arg.SizesLike = field()
    strides: arg.SizesLike = 1
    padding: str = field("valid", convert=_PADDING)
    output_padding: arg.SizesLike = None
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    dilation_rate: arg.SizesLike = 1
    activation: arg.ActivationLike = arg.activation()
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()

    _rank = 0

    def __post_init__(self) -> None:
        _prepare(self)
        super().__post_init__()

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch *new_space filters"]:
        return _transpose(self, inputs)


@runtime_checkable
class _Transposed(Convolution, Protocol):
    """A layer with the fields that all transposed convolutions have."""

    filters: int
    output_padding: arg.SizesLike
    kernel_initializer: arg.InitializerLike
    kernel_regularizer: arg.RegularizerLike
    kernel_constraint: arg.ConstraintLike


def _prepare(layer: _Transposed) -> None:
    """Sizes as tuples, checked; for `__post_init__`, which comes before the fields are sealed."""
    normalise(layer)
    output_padding = arg.sizes(layer._rank, "output_padding", allow_zero=True)(layer.output_padding)
    object.__setattr__(layer, "output_padding", output_padding)
    if output_padding is not None and any(o >= s for o, s in zip(output_padding, layer.strides, strict=True)):
        raise ValueError(
            explain(
                f"{type(layer).__name__}: output_padding must be less than strides.",
                received=f"output_padding={output_padding}, strides={layer.strides}",
                usually="output_padding only chooses among the sizes that one stride merges.",
                write="output_padding=None, which is the input's size times the stride",
            )
        )
    refuse_strides_with_dilation(layer)


def _pads(window: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Zeros before and after the dilated input, so that sizes are Keras's.

    Without `extra` (Keras's `output_padding`) a "same" output is `stride` times its input, and a "valid" one takes
    in every window; with it the output is as much longer than the shortest that fits.
    """
    if padding == "valid":
        return window - 1, window - 1 + (max(window, stride) - window if extra is None else extra)
    total = stride + window - 2 if extra is None else window + window % 2 - 2 + extra
    before = min((total + 1) // 2, window - 1)
    return before, total - before


def _transpose(
    layer: _Transposed, inputs: Num[Array, "batch *space channels"]
) -> Num[Array, "batch *new_space filters"]:
    """The transposed convolution of a layer, with bias and activation."""
    check_rank(layer, inputs, layer._rank + 2)
    x = to_last(inputs, layer.data_format)
    kernel = layer.add_weight(
        (*layer.kernel_size, layer.filters, x.shape[-1]),
        layer.kernel_initializer,
        regularizer=layer.kernel_regularizer,
        constraint=layer.kernel_constraint,
        name="kernel",
    )
    windows = [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    extras = layer.output_padding or (None,) * layer._rank
    x = lax.conv_transpose(
        x,
        kernel,
        layer.strides,
        padding=[_pads(w, s, layer.padding, e) for w, s, e in zip(windows, layer.strides, extras, strict=True)],
        rhs_dilation=layer.dilation_rate,
        dimension_numbers=dimension_numbers(layer._rank),
        transpose_kernel=True,
    )
    return finish(layer, x, layer.filters)


@register("keras.layers")
class Conv1DTranspose(_ConvTranspose):
    """A transposed convolution over one axis.

    Args:
        filters: the number of output channels.
        kernel_size: the window's length.
        strides: how much longer the output is.
        padding: `"valid"`, which keeps every window whole, or `"same"`, which makes the output `strides` times as long.
        output_padding: how much longer than the shortest output; less than `strides`; by default as `padding` says.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        dilation_rate: the distance between the window's taps.
        activation: function of the output.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    Raises:
        ValueError: wrong sizes or padding, or an output_padding that is not less than strides.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.Conv1DTranspose(4, 3, 2).init(jax.random.key(0), jnp.ones((1, 8, 2)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (4,), 'kernel': (3, 4, 2)}}

    Reference: https://keras.io/api/layers/convolution_layers/convolution1d_transpose/
    """

    _rank = 1


@register("keras.layers")
class Conv2DTranspose(_ConvTranspose):
    """A transposed convolution over two axes: an image.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, output_padding, data_format, dilation_rate: as for `Conv1DTranspose`, one
            number or one an axis.
        activation: function of the output.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, height, width, channels)`. Output shape: `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: as for `Conv1DTranspose`.

    >>> import fkeras as fk
    >>> fk.nn.Conv2DTranspose(8, 3, strides=2, padding="same")(fk.Input((4, 5, 3))).shape
    (None, 8, 10, 8)

    Reference: https://keras.io/api/layers/convolution_layers/convolution2d_transpose/
    """

    strides: arg.SizesLike = (1, 1)
    dilation_rate: arg.SizesLike = (1, 1)

    _rank = 2


@register("keras.layers")
class Conv3DTranspose(Layer):
    """A transposed convolution over three axes: a volume.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, output_padding, dilation_rate: as for `Conv1DTranspose`, one
            number or one an axis; here, as in Keras, `data_format` comes before `output_padding`.
        activation: function of the output.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint: as for `Dense`.

    Input shape: `(batch, depth, height, width, channels)`.

    Raises:
        ValueError: as for `Conv1DTranspose`.

    >>> import fkeras as fk
    >>> fk.nn.Conv3DTranspose(2, 2)(fk.Input((4, 4, 4, 1))).shape
    (None, 5, 5, 5, 2)

    Reference: https://keras.io/api/layers/convolution_layers/convolution3d_transpose/
    """

    filters: int = arg.positive("filters")
    kernel_size: arg.SizesLike = field()
    strides: arg.SizesLike = (1, 1, 1)
    padding: str = field("valid", convert=_PADDING)
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    output_padding: arg.SizesLike = None
    dilation_rate: arg.SizesLike = (1, 1, 1)
    activation: arg.ActivationLike = arg.activation()
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()

    _rank = 3

    def __post_init__(self) -> None:
        _prepare(self)
        super().__post_init__()

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch *new_space filters"]:
        return _transpose(self, inputs)
