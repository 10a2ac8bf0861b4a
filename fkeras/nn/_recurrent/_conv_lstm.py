"""LSTMs whose products are convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from ...core import explain, field, register
from ...core.typing import Array, Float, Num, PyTree, Training
from .. import _arguments as arg
from .._shapes import check_rank, check_window, from_last, to_last
from ._cell_steps import forget_bias
from ._layers import Recurrent
from ._time_loop import Step

#: `(inputs, kernel) -> outputs`.
Product: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]

_PADDING = arg.one_of("padding", "valid", "same")


class _ConvLSTM(Recurrent):
    """`i, f, o = s(x * W + h * U + b)`, `c = f c + i tanh(...)`, `h = o tanh(c)`, where `*` is a convolution."""

    filters: int = arg.positive("filters")
    kernel_size: arg.SizesLike = field()
    strides: arg.SizesLike = 1
    padding: str = field("valid", convert=_PADDING)
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    dilation_rate: arg.SizesLike = 1
    activation: arg.ActivationLike = arg.activation("tanh")
    recurrent_activation: arg.ActivationLike = arg.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    recurrent_initializer: arg.InitializerLike = arg.initializer("orthogonal")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    unit_forget_bias: bool = True
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    recurrent_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    recurrent_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    seed: int | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

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

    def _check_input(self, inputs: Num[Array, "*shape"]) -> None:
        check_rank(self, inputs, self._rank + 3)
        space = inputs.shape[3:] if self.data_format == "channels_first" else inputs.shape[2:-1]
        window = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        check_window(self, space, window, self.padding)

    def _zeros(self, inputs: Num[Array, "batch time ..."]) -> list[PyTree]:
        frame = jax.eval_shape(lambda x: to_last(x[:, 0], self.data_format), inputs)
        kernel = jax.ShapeDtypeStruct((*self.kernel_size, frame.shape[-1], self.filters), frame.dtype)
        out = jax.eval_shape(lambda x, k: from_last(self._input_product(x, k), self.data_format), frame, kernel)
        return [jnp.zeros(out.shape, self.compute_dtype) for _ in range(2)]

    def _product(
        self,
        x: Float[Array, "batch *space channels"],
        kernel: Float[Array, "*window channels filters"],
        padding: str,
        strides: arg.SizesLike,
        dilation: arg.SizesLike,
    ) -> Float[Array, "batch *new_space filters"]:
        space = "DHW"[3 - self._rank :]
        return lax.conv_general_dilated(
            x, kernel, strides, padding.upper(), rhs_dilation=dilation,
            dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        )  # fmt: skip

    def _input_product(
        self, x: Float[Array, "batch *space channels"], kernel: Float[Array, "*window channels filters"]
    ) -> Float[Array, "batch *new_space filters"]:
        return self._product(x, kernel, self.padding, self.strides, self.dilation_rate)

    def _drop(self, rate: float, like: Float[Array, "*shape"], training: Training) -> Float[Array, "4 ..."] | None:
        """A mask for each of the four gates, the same at every step."""
        if not training or rate == 0:
            return None
        keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - rate, (4, *like.shape))
        return keep.astype(self.compute_dtype) / max(1 - rate, 1e-7)

    def _prepare(
        self, inputs: Num[Array, "batch time ..."], states: PyTree, training: Training
    ) -> tuple[Step, dict[str, PyTree]]:
        frame = to_last(inputs[:, 0], self.data_format)
        kernel = self.add_weight(
            (*self.kernel_size, frame.shape[-1], 4 * self.filters), self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        recurrent = self.add_weight(
            (*self.kernel_size, self.filters, 4 * self.filters), self.recurrent_initializer,
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint, name="recurrent_kernel",
        )  # fmt: skip
        bias = None
        if self.use_bias:
            start = self.bias_initializer
            bias = self.add_weight(
                (4 * self.filters,), forget_bias(start, self.filters) if self.unit_forget_bias else start,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias",
            )  # fmt: skip
        ones = (1,) * self._rank
        drop_x = self._drop(self.dropout, frame, training)
        drop_h = self._drop(self.recurrent_dropout, to_last(states[0], self.data_format), training)

        def by_gate(product: Product, x: jax.Array, kernel: jax.Array, drop: jax.Array | None) -> jax.Array:
            if drop is None:
                return product(x, kernel)
            parts = jnp.split(kernel, 4, axis=-1)
            return jnp.concatenate([product(x * drop[i], part) for i, part in enumerate(parts)], axis=-1)

        def step(x: jax.Array, states: Sequence[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
            x, h, c = (to_last(v, self.data_format) for v in (x, *states))
            z = by_gate(self._input_product, x, kernel, drop_x)
            if bias is not None:
                z = z + bias.reshape((1,) * (z.ndim - 1) + (-1,))
            z = z + by_gate(lambda h, k: self._product(h, k, "same", ones, ones), h, recurrent, drop_h)
            i, f, candidate, o = jnp.split(z, 4, axis=-1)
            c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(candidate)
            h = self.recurrent_activation(o) * self.activation(c)
            h, c = from_last(h, self.data_format), from_last(c, self.data_format)
            return h, [h, c]

        return step, {}

    @property
    def _states(self) -> int:
        return 2


@register("keras.layers")
class ConvLSTM1D(_ConvLSTM):
    """An LSTM over sequences of rows, with convolutions in place of its products.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the inputs; the state's has
            the same kernel size, no strides and padding `"same"`.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
        return_sequences, return_state, go_backwards, stateful: as for `LSTM`.

    Input shape: `(batch, time, rows, channels)`; `(batch, time, channels, rows)` for `channels_first`.

    >>> import fkeras as fk
    >>> fk.nn.ConvLSTM1D(4, 3, padding="same", return_sequences=True)(fk.Input((5, 8, 2))).shape
    (None, 5, 8, 4)

    Reference: Shi et al., arXiv:1506.04214. https://keras.io/api/layers/recurrent_layers/conv_lstm1d/
    """

    _rank = 1


@register("keras.layers")
class ConvLSTM2D(_ConvLSTM):
    """An LSTM over sequences of images, with convolutions in place of its products.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate and all others: as for `ConvLSTM1D`.

    Input shape: `(batch, time, height, width, channels)`, with the channels third for `channels_first`.

    >>> import fkeras as fk
    >>> fk.nn.ConvLSTM2D(4, 3)(fk.Input((5, 8, 8, 2))).shape
    (None, 6, 6, 4)

    Reference: Shi et al., arXiv:1506.04214. https://keras.io/api/layers/recurrent_layers/conv_lstm2d/
    """

    strides: arg.SizesLike = (1, 1)
    dilation_rate: arg.SizesLike = (1, 1)

    _rank = 2


@register("keras.layers")
class ConvLSTM3D(_ConvLSTM):
    """An LSTM over sequences of volumes, with convolutions in place of its products.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate and all others: as for `ConvLSTM1D`.

    Input shape: `(batch, time, depth, height, width, channels)`, with the channels third for `channels_first`.

    >>> import fkeras as fk
    >>> fk.nn.ConvLSTM3D(4, 3)(fk.Input((2, 5, 5, 5, 2))).shape
    (None, 3, 3, 3, 4)

    Reference: Shi et al., arXiv:1506.04214. https://keras.io/api/layers/recurrent_layers/conv_lstm3d/
    """

    strides: arg.SizesLike = (1, 1, 1)
    dilation_rate: arg.SizesLike = (1, 1, 1)

    _rank = 3
