"""Cells: one step of a recurrence as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ...core import Layer, explain, field, register
from ...core.typing import Array, Float, PyTree, Training
from .. import _arguments as arg
from ._cell_steps import CellWeights, GRUStep, LSTMStep, SimpleRNNStep


class _Cell(CellWeights):
    """A layer that takes inputs `(batch, features)` and states, and returns the output and the new states."""

    @property
    def state_size(self) -> int | list[int]:
        """The size of the state, or of each of several."""
        return self.units if self._state_count == 1 else [self.units] * self._state_count

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def get_initial_state(self, batch_size: int | None = None) -> list[jax.Array]:
        """Zeros, one array `(batch, units)` for each state."""
        return [jnp.zeros((batch_size, self.units), self.compute_dtype) for _ in range(self._state_count)]

    def call(
        self, inputs: Float[Array, "batch features"], states: PyTree, training: Training = False
    ) -> tuple[Float[Array, "batch units"], PyTree]:
        listed = isinstance(states, list | tuple)
        parts = self._parts(inputs.shape[-1], inputs.shape[0], training)
        output, new = parts.whole(inputs, tuple(states) if listed else (states,))
        return output, list(new) if listed else new[0]


@register("keras.layers")
class SimpleRNNCell(SimpleRNNStep, _Cell):
    """One step of `SimpleRNN`: `h = tanh(x W + h U + b)`.

    Args:
        units: the size of the state.
        activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
        recurrent_dropout, seed: as for `SimpleRNN`.

    >>> import fkeras as fk
    >>> fk.nn.RNN(fk.nn.SimpleRNNCell(4))(fk.Input((None, 3))).shape
    (None, 4)

    Reference: https://keras.io/api/layers/recurrent_layers/simple_rnn_cell/
    """

    units: int = arg.positive("units")
    activation: arg.ActivationLike = arg.activation("tanh")
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    recurrent_initializer: arg.InitializerLike = arg.initializer("orthogonal")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    recurrent_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    recurrent_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    seed: int | None = None


@register("keras.layers")
class LSTMCell(LSTMStep, _Cell):
    """One step of `LSTM`; its states are `[h, c]`.

    Args:
        units: the size of each state.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
        recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed: as for `LSTM`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> cell = fk.nn.LSTMCell(4)
    >>> cell.state_size, [state.shape for state in cell.get_initial_state(2)]
    ([4, 4], [(2, 4), (2, 4)])

    Reference: https://keras.io/api/layers/recurrent_layers/lstm_cell/
    """

    units: int = arg.positive("units")
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
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    recurrent_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    seed: int | None = None


@register("keras.layers")
class GRUCell(GRUStep, _Cell):
    """One step of `GRU`.

    Args:
        units: the size of the state.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint, dropout, recurrent_dropout, reset_after, seed: as for `GRU`.

    >>> import fkeras as fk
    >>> fk.nn.GRUCell(4).state_size
    4

    Reference: https://keras.io/api/layers/recurrent_layers/gru_cell/
    """

    units: int = arg.positive("units")
    activation: arg.ActivationLike = arg.activation("tanh")
    recurrent_activation: arg.ActivationLike = arg.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    recurrent_initializer: arg.InitializerLike = arg.initializer("orthogonal")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    recurrent_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    recurrent_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    reset_after: bool = True
    seed: int | None = None


def _cells(cells: Sequence[Layer]) -> list[Layer]:
    """A converter: a list of cells."""
    cells = list(cells)
    if not cells or not all(isinstance(c, Layer) and getattr(c, "state_size", None) is not None for c in cells):
        raise ValueError(
            explain(
                "StackedRNNCells needs cells: layers with `state_size` and `call(inputs, states)`.",
                received=repr(cells)[:80],
                write="fk.nn.StackedRNNCells([fk.nn.LSTMCell(32), fk.nn.LSTMCell(16)])",
            )
        )
    return cells


@register("keras.layers")
class StackedRNNCells(Layer):
    """Cells one on another, as one cell.

    Args:
        cells: the cells; the first sees the inputs, each other the output of the one before.

    >>> import fkeras as fk
    >>> stack = fk.nn.StackedRNNCells([fk.nn.LSTMCell(8), fk.nn.GRUCell(4)])
    >>> stack.state_size, fk.nn.RNN(stack)(fk.Input((None, 3))).shape
    ([[8, 8], 4], (None, 4))

    Reference: https://keras.io/api/layers/recurrent_layers/stacked_rnn_cell/
    """

    cells: Sequence[Any] = field(convert=_cells)

    @property
    def state_size(self) -> list[int | list[int]]:
        """For each cell the sizes of its states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        last = self.cells[-1]
        size = getattr(last, "output_size", None) or last.state_size
        return size if isinstance(size, int) else size[0]

    def get_initial_state(self, batch_size: int | None = None) -> list[PyTree]:
        """Zeros: for each cell its states."""
        return [initial_states(cell, batch_size) for cell in self.cells]

    def call(
        self, inputs: Float[Array, "batch features"], states: Sequence[PyTree], training: Training = False
    ) -> tuple[jax.Array, list[PyTree]]:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            listed = isinstance(state, list | tuple)
            keywords = {"training": training} if "training" in cell._call_parameters.names else {}
            inputs, new = cell(inputs, list(state) if listed else [state], **keywords)
            new = list(new) if isinstance(new, list | tuple) else [new]
            new_states.append(new if listed else new[0])
        return inputs, new_states


def initial_states(cell: Any, batch: int | None) -> PyTree:
    """The states that a cell says it starts with, or zeros of its `state_size`."""
    if getattr(cell, "get_initial_state", None) is not None:
        return cell.get_initial_state(batch_size=batch)
    dtype = cell.compute_dtype
    size = cell.state_size
    return jax.tree.map(lambda n: jnp.zeros((batch, n), dtype), [size] if isinstance(size, int) else list(size))
