"""Recurrent layers: SimpleRNN, LSTM, GRU, and RNN over any cell."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ...core import RECURRENT_STATE, Layer, explain, field, keeps_changes, register
from ...core.typing import Array, Config, Float, Num, PyTree, Training
from .. import _arguments as arg
from .._sequence_masks import check_mask, of_first
from .._shapes import check_rank
from ._by_platform import chosen, use_cudnn, why_not
from ._cell_steps import CellWeights, GRUStep, LSTMStep, SimpleRNNStep
from ._cells import StackedRNNCells, initial_states
from ._time_loop import Loop, Step, Words, over_time


class Recurrent(Layer):
    """The part that all recurrent layers have around their step: first states, kept states, masks, what to return."""

    supports_masking = True

    def _prepare(
        self, inputs: Num[Array, "batch time ..."], states: PyTree, training: Training
    ) -> tuple[Step, dict[str, PyTree]]:
        """One step, its weights made, and further arguments of `over_time`."""
        raise NotImplementedError

    def _loop(self, inputs: Num[Array, "batch time ..."], states: PyTree, training: Training) -> Loop:
        """The loop over time, of inputs, first states and mask."""
        step, more = self._prepare(inputs, states, training)
        return functools.partial(over_time, step, **self._words, **more)

    @property
    def _words(self) -> Words:
        """What the layer says of its loop."""
        return {
            "go_backwards": self.go_backwards,
            "unroll": bool(getattr(self, "unroll", False)),
            "zero_output_for_mask": getattr(self, "zero_output_for_mask", False),
        }

    def _zeros(self, inputs: Num[Array, "batch time ..."]) -> list[PyTree]:
        """The states a sequence starts with; each entry is one state, or those of one stacked cell."""
        raise NotImplementedError

    def call(
        self,
        inputs: Num[Array, "batch time ..."],
        initial_state: PyTree = None,
        mask: PyTree = None,
        training: Training = False,
    ) -> PyTree:
        self._check_input(inputs)
        zeros = self._zeros(inputs)
        kept = self._kept_states(zeros, inputs) if self.stateful else None
        states = self._first_states(initial_state, zeros, kept)
        times = inputs.shape[:2]
        mask = check_mask(self, of_first(mask), times, (*times, 1), (1, times[1]), (1, times[1], 1), ones=False)
        outputs, last, states = self._loop(inputs, states, training)(inputs, states, mask)
        if kept is not None and keeps_changes(self, RECURRENT_STATE):
            for variable, value in zip(kept, jax.tree.leaves(states), strict=True):
                variable.value = value.astype(variable.value.dtype)
        result = self._in_compute_dtype(outputs if self.return_sequences else last)
        return (result, *self._in_compute_dtype(list(states))) if self.return_state else result

    def _check_input(self, inputs: Num[Array, "*shape"]) -> None:
        """Refuse an input of another rank than the layer's."""
        check_rank(self, inputs, 3)

    def _in_compute_dtype(self, tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: leaf.astype(self.compute_dtype), tree)

    def _kept_states(self, zeros: PyTree, inputs: Num[Array, "batch time ..."]) -> list[linen.Variable]:
        """The variables in which a stateful layer keeps its states from one call to the next."""
        if not isinstance(inputs.shape[0], int):
            raise ValueError(
                explain(
                    f"{self.path_text()} is stateful and needs a known batch size.",
                    received=f"shape {tuple(inputs.shape)}",
                    write="fk.Input(shape, batch_size=32)",
                )
            )
        kept = [
            self.variable(RECURRENT_STATE, f"state_{i}", lambda z=z: z.astype(self.variable_dtype))
            for i, z in enumerate(jax.tree.leaves(zeros))
        ]
        for variable, zero in zip(kept, jax.tree.leaves(zeros), strict=True):
            if variable.value.shape != zero.shape:
                raise ValueError(
                    explain(
                        f"{self.path_text()} is stateful, and its state is one of another batch size.",
                        received=f"inputs of shape {tuple(inputs.shape)}, a state of {variable.value.shape}",
                        usually="a last batch that is smaller than the others.",
                        write="data whose length the batch size divides, or variables without 'recurrent_state'",
                    )
                )
        return kept

    def _first_states(self, given: PyTree, zeros: list[PyTree], kept: list[linen.Variable] | None) -> list[PyTree]:
        """The states that the loop starts with: those that were given, or kept from the last call, or zeros."""
        if given is None and kept is None:
            return zeros
        like, structure = jax.tree.flatten(zeros)
        leaves = [variable.value for variable in kept or ()] if given is None else jax.tree.leaves(given)
        if len(leaves) != len(like):
            raise ValueError(
                explain(
                    f"{self.path_text()} has {len(like)} states.",
                    received=f"{len(leaves)} initial states",
                    write="initial_state=[h, c]" if len(like) == 2 else "initial_state=h",
                )
            )
        return jax.tree.unflatten(structure, [jnp.asarray(s, z.dtype) for s, z in zip(leaves, like, strict=True)])

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        leaves = jax.tree.leaves(mask)
        output_mask = leaves[0] if leaves and self.return_sequences else None
        return [output_mask, *[None] * self._states] if self.return_state else output_mask

    @property
    def _states(self) -> int:
        """How many entries the state has."""
        return 1


class _Gated(CellWeights, Recurrent):
    """A recurrent layer of units with fused kernels."""

    def _zeros(self, inputs: Num[Array, "batch time ..."]) -> list[PyTree]:
        return [jnp.zeros((inputs.shape[0], self.units), self.compute_dtype) for _ in range(self._state_count)]

    def _loop(self, inputs: Float[Array, "batch time features"], states: PyTree, training: Training) -> Loop:
        parts = self._parts(inputs.shape[2], inputs.shape[0], training)
        return functools.partial(over_time, parts.whole, **self._words)

    @property
    def _states(self) -> int:
        return self._state_count

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "use_cudnn"}


@register("keras.layers")
class SimpleRNN(SimpleRNNStep, _Gated):
    """A recurrence with one product: `h = tanh(x W + h U + b)`.

    Args:
        units: the size of the state.
        activation: of the output.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint: of the weights and the output.
        dropout, recurrent_dropout: rates for the inputs and the state, one mask for the whole sequence.
        return_sequences, return_state, go_backwards, stateful, unroll: as for `LSTM`.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `inputs` `(batch, time, features)`, `initial_state` `h`, `mask` `(batch, time)`, `training`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.SimpleRNN(4).init(jax.random.key(0), jnp.ones((1, 5, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (4,), 'kernel': (3, 4), 'recurrent_kernel': (4, 4)}}

    Reference: https://keras.io/api/layers/recurrent_layers/simple_rnn/
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
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    recurrent_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    seed: int | None = None
    zero_output_for_mask: bool = False


@register("keras.layers")
class LSTM(LSTMStep, _Gated):
    """Long short-term memory.

    `i, f, o = s(x W + h U + b)`, `c = f c + i tanh(x W_c + h U_c + b_c)`, `h = o tanh(c)`; the kernels hold the
    blocks `i, f, c, o` side by side.

    Args:
        units: the size of the state.
        activation, recurrent_activation: of the candidate and output, and of the gates.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        recurrent_constraint, bias_constraint: of the weights and the output.
        dropout, recurrent_dropout: rates for the inputs and the state, one mask for the whole sequence.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.
        return_sequences: whether to return the output of every step.
        return_state: whether to return the last `h` and `c` too.
        go_backwards: whether time runs backwards.
        stateful: whether a call starts where the last ended; the state is in the collection `recurrent_state`.
        unroll: whether the loop is unrolled.
        use_cudnn: `"auto"` takes cuDNN's LSTM in a program for CUDA where the layer's activations are the defaults, it
            has a bias, no `recurrent_dropout`, no `unroll`, computes in float32, and there is one GPU; else the loop,
            on an accelerator with the products of all inputs made before it and four steps a turn. `True` is an error
            where the kernel cannot be had, and `False` has one program for all platforms.
        zero_output_for_mask: whether masked steps return zeros instead of the output before.

    Call arguments: `inputs` `(batch, time, features)`, `initial_state` `[h, c]`, `mask` `(batch, time)`, `training`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.LSTM(4).init(jax.random.key(0), jnp.ones((1, 5, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (16,), 'kernel': (3, 16), 'recurrent_kernel': (4, 16)}}

    Reference: Hochreiter and Schmidhuber (1997). https://keras.io/api/layers/recurrent_layers/lstm/
    Unlike Keras the kernel is taken with a mask too, of any pattern: the steps that count are put first. It has no
    derivatives in forward mode (`jax.jvp`, `jax.jacfwd`): write `use_cudnn=False` for them on a GPU. Under `vmap` the
    loop takes its place. A program of your own for several platforms (`jax.export`) needs `use_cudnn=False` where there
    is a GPU; `model.export` sees to it. The kernel's numbers were tested by JAX's own reference of it, and its speed is
    not measured.
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
    use_cudnn: bool | str = field("auto", convert=use_cudnn)
    zero_output_for_mask: bool = False

    def _loop(self, inputs: Float[Array, "batch time features"], states: PyTree, training: Training) -> Loop:
        parts = self._parts(inputs.shape[2], inputs.shape[0], training)
        return chosen(self, why_not(self, inputs), parts, inputs)


@register("keras.layers")
class GRU(GRUStep, _Gated):
    """The gated recurrent unit.

    `z, r = s(x W + h U + b)`, `n = tanh(x W_n + r (h U_n + b_n))`, `h = z h + (1 - z) n`; the kernels hold the blocks
    `z, r, n` side by side. With `reset_after=False` the reset comes first: `n = tanh(x W_n + (r h) U_n + b_n)`.

    Args:
        units: the size of the state.
        activation, recurrent_activation: of the candidate, and of the gates.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint: of the weights and the output.
        dropout, recurrent_dropout: rates for the inputs and the state, one mask for the whole sequence.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.
        use_cudnn: JAX has no GRU of cuDNN's, and `True` is an error as in Keras. `"auto"` has on an accelerator the
            products of all inputs made before the loop and four steps a turn, which is not measured; `False` has one
            program for all platforms.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as for `LSTM`.
        reset_after: whether the reset gate acts after the product with the recurrent kernel.

    Call arguments: `inputs` `(batch, time, features)`, `initial_state` `h`, `mask` `(batch, time)`, `training`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.GRU(4).init(jax.random.key(0), jnp.ones((1, 5, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (2, 12), 'kernel': (3, 12), 'recurrent_kernel': (4, 12)}}

    Reference: Cho et al., arXiv:1406.1078. https://keras.io/api/layers/recurrent_layers/gru/
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
    reset_after: bool = True
    use_cudnn: bool | str = field("auto", convert=use_cudnn)
    zero_output_for_mask: bool = False

    def _loop(self, inputs: Float[Array, "batch time features"], states: PyTree, training: Training) -> Loop:
        parts = self._parts(inputs.shape[2], inputs.shape[0], training)
        return chosen(self, "JAX has no GRU of cuDNN's.", parts, inputs)


def _as_cell(cell: Layer | Sequence[Layer]) -> Layer:
    """A converter: a cell; a list of cells becomes a stack."""
    cell = StackedRNNCells(list(cell)) if isinstance(cell, list | tuple) else cell
    if not isinstance(cell, Layer) or getattr(cell, "state_size", None) is None:
        raise ValueError(
            explain(
                "RNN needs a cell: a layer with `state_size` and `call(inputs, states)`, or a list of cells.",
                received=repr(cell)[:80],
                usually="a recurrent layer was passed where its cell is meant, or `state_size` is missing.",
                write="fk.nn.RNN(fk.nn.LSTMCell(32))",
            )
        )
    return cell


@register("keras.layers")
class RNN(Recurrent):
    """Any cell, run over time.

    A cell is a layer with `call(inputs, states) -> (output, new_states)` and `state_size`, an integer or a list of
    them; it may have `output_size` and `get_initial_state(batch_size)`. A list of cells is stacked.

    Args:
        cell: the cell, or a list of cells.
        return_sequences: whether to return the output of every step.
        return_state: whether to return the last states too.
        go_backwards: whether time runs backwards.
        stateful: whether a call starts where the last ended; the state is in the collection `recurrent_state`.
        unroll: whether the loop is unrolled.
        zero_output_for_mask: whether masked steps return zeros instead of the output before.

    Call arguments: `inputs` `(batch, time, ...)`, `initial_state`, `mask` `(batch, time)`, `training`.

    Raises:
        ValueError: something that is no cell.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> class Minimal(fk.nn.Layer):
    ...     def __init__(self, units, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.units = self.state_size = units
    ...     def build(self, input_shape):
    ...         self.w = self.add_weight((input_shape[-1], self.units), name="w")
    ...         self.u = self.add_weight((self.units, self.units), name="u")
    ...     def call(self, inputs, states):
    ...         output = inputs @ self.w + states[0] @ self.u
    ...         return output, [output]
    >>> layer = fk.nn.RNN([Minimal(4), fk.nn.GRUCell(3)], return_state=True)
    >>> [leaf.shape for leaf in jax.tree.leaves(layer(fk.Input((None, 5))))]
    [(None, 3), (None, 4), (None, 3)]

    Reference: https://keras.io/api/layers/recurrent_layers/rnn/
    Unlike Keras the cell's weights are made once and every step is pure, so a cell cannot carry anything from step
    to step but its states; its dropout draws the same mask at every step, as Keras's cells do.
    """

    cell: Any = field(convert=_as_cell)
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

    def _check_input(self, inputs: Num[Array, "*shape"]) -> None:
        if inputs.ndim < 3:
            check_rank(self, inputs, 3)

    def _zeros(self, inputs: Num[Array, "batch time ..."]) -> list[PyTree]:
        states = initial_states(self.cell, inputs.shape[0])
        return list(states) if isinstance(states, list | tuple) else [states]

    def _prepare(
        self, inputs: Num[Array, "batch time ..."], states: PyTree, training: Training
    ) -> tuple[Step, dict[str, PyTree]]:
        keywords = {"training": training} if "training" in self.cell._call_parameters.names else {}
        # This call makes the weights and collects their losses, which a loop body cannot do.
        first, _ = self.cell(inputs[:, 0], states, **keywords)

        def step(cell: Layer, x: jax.Array, states: PyTree) -> tuple[PyTree, PyTree]:
            output, new = cell(x, states, **keywords)
            return output, jax.tree.unflatten(jax.tree.structure(states), jax.tree.leaves(new))

        return step, {"cell": self.cell, "first": first}

    @property
    def _states(self) -> int:
        size = self.cell.state_size
        return 1 if isinstance(size, int) else len(size)
