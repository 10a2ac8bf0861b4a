"""LSTM and GRU: recurrences on `jax.lax.scan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..core import Layer, explain, field, register
from . import _arguments as arg
from ._shapes import check_rank

# Where a stateful layer keeps what it ended with.
RECURRENT_STATE = "recurrent_state"

States = tuple[jax.Array, ...]


class _Recurrent(Layer):
    """A cell run over time: masks carry the state over, dropout masks are one for the whole sequence."""

    supports_masking = True
    _gates = 1  # how many blocks of `units` columns the fused kernels have
    _state_count = 1

    def call(self, inputs: jax.Array, initial_state: Any = None, mask: Any = None, training: Any = False) -> Any:
        check_rank(self, inputs, 3)
        batch, features = inputs.shape[0], inputs.shape[2]
        step = self._cell(features, batch, training)
        kept = None
        states = self._initial(initial_state, batch)
        if self.stateful:
            if not isinstance(batch, int):
                raise ValueError(
                    explain(
                        f"{self.path_text()} is stateful and needs a known batch size.",
                        received=f"shape {tuple(inputs.shape)}",
                        write="fk.Input(shape, batch_size=32)",
                    )
                )
            zeros = [jnp.zeros((batch, self.units), self.compute_dtype) for _ in range(self._state_count)]
            kept = [self.variable(RECURRENT_STATE, f"state_{i}", lambda z=z: z) for i, z in enumerate(zeros)]
            if initial_state is None:
                states = tuple(k.value for k in kept)
        outputs, last, states = self._run(step, inputs, states, mask)
        if kept is not None and not self.is_initializing() and self.is_mutable_collection(RECURRENT_STATE):
            for variable, value in zip(kept, states, strict=True):
                variable.value = value
        result = outputs if self.return_sequences else last
        return (result, *states) if self.return_state else result

    def _initial(self, given: Any, batch: Any) -> States:
        if given is None:
            return tuple(jnp.zeros((batch, self.units), self.compute_dtype) for _ in range(self._state_count))
        states = tuple(given) if isinstance(given, list | tuple) else (given,)
        if len(states) != self._state_count:
            raise ValueError(
                explain(
                    f"{self.path_text()} has {self._state_count} states.",
                    received=f"{len(states)} initial states",
                    write="initial_state=[h, c]" if self._state_count == 2 else "initial_state=h",
                )
            )
        return tuple(jnp.asarray(s, self.compute_dtype) for s in states)

    def _run(self, step: Callable[..., Any], inputs: jax.Array, states: States, mask: Any) -> Any:
        """`(all outputs, the last output, the last states)`."""
        x = jnp.swapaxes(inputs, 0, 1)
        seen = None if mask is None else jnp.swapaxes(jnp.asarray(mask, bool), 0, 1)[..., None]
        if self.go_backwards:
            x = jnp.flip(x, 0)
            seen = None if seen is None else jnp.flip(seen, 0)

        def body(carry: Any, now: Any) -> Any:
            states, previous = carry
            here, keep = now
            output, new = step(here, states)
            if keep is not None:  # a masked step changes nothing and repeats the output before it
                held = jnp.zeros_like(output) if self.zero_output_for_mask else previous
                output_shown = jnp.where(keep, output, held)
                new = tuple(jnp.where(keep, n, s) for n, s in zip(new, states, strict=True))
                previous = jnp.where(keep, output, previous)
                return (new, previous), output_shown
            return (new, output), output

        first = jnp.zeros((x.shape[1], self.units), states[0].dtype)
        if seen is None:
            carry, outputs = lax.scan(lambda c, h: body(c, (h, None)), (states, first), x, unroll=bool(self.unroll))
        else:
            carry, outputs = lax.scan(body, (states, first), (x, seen), unroll=bool(self.unroll))
        last = outputs[-1] if self.zero_output_for_mask and seen is not None else carry[1]
        return jnp.swapaxes(outputs, 0, 1), last, carry[0]

    def _cell(
        self, features: Any, batch: Any, training: Any
    ) -> Callable[[jax.Array, States], tuple[jax.Array, States]]:
        raise NotImplementedError

    def _weights(self, features: Any, bias_shape: Any, bias_initializer: Any) -> tuple[Any, Any, Any]:
        kernel = self.add_weight(
            (features, self._gates * self.units), self.kernel_initializer, regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        recurrent = self.add_weight(
            (self.units, self._gates * self.units), self.recurrent_initializer,
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint, name="recurrent_kernel",
        )  # fmt: skip
        bias = None
        if self.use_bias:
            bias = self.add_weight(
                bias_shape, bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip
        return kernel, recurrent, bias

    def _drop(self, rate: float, shape: Any, training: Any) -> Any:
        """A dropout mask for every step, or `None`."""
        if not training or rate == 0:
            return None
        keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - rate, shape)
        return keep.astype(self.compute_dtype) / (1 - rate)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        shown = mask if self.return_sequences else None
        return [shown, *[None] * self._state_count] if self.return_state else shown


def _product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))


def _times(x: jax.Array, mask: Any) -> jax.Array:
    return x if mask is None else x * mask


def _row(bias: jax.Array) -> jax.Array:
    return bias[None, :]


@register("keras.layers")
class LSTM(_Recurrent):
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
        use_cudnn: accepted for Keras's sake.
        zero_output_for_mask: whether masked steps return zeros instead of the output before.

    Call arguments: `inputs` `(batch, time, features)`, `initial_state` `[h, c]`, `mask` `(batch, time)`, `training`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.LSTM(4).init(jax.random.key(0), jnp.ones((1, 5, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (16,), 'kernel': (3, 16), 'recurrent_kernel': (4, 16)}}

    Reference: Hochreiter and Schmidhuber (1997). https://keras.io/api/layers/recurrent_layers/lstm/
    """

    units: int = arg.positive("units")
    activation: Any = arg.activation("tanh")
    recurrent_activation: Any = arg.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: Any = arg.initializer("glorot_uniform")
    recurrent_initializer: Any = arg.initializer("orthogonal")
    bias_initializer: Any = arg.initializer("zeros")
    unit_forget_bias: bool = True
    kernel_regularizer: Any = arg.regularizer()
    recurrent_regularizer: Any = arg.regularizer()
    bias_regularizer: Any = arg.regularizer()
    activity_regularizer: Any = arg.regularizer()
    kernel_constraint: Any = arg.constraint()
    recurrent_constraint: Any = arg.constraint()
    bias_constraint: Any = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    seed: int | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    use_cudnn: Any = "auto"
    zero_output_for_mask: bool = False

    _gates = 4
    _state_count = 2

    def _cell(
        self, features: Any, batch: Any, training: Any
    ) -> Callable[[jax.Array, States], tuple[jax.Array, States]]:
        units, start = self.units, self.bias_initializer

        def with_forget(key: Any, shape: Any, dtype: Any) -> jax.Array:
            blocks = [start(key, (units,), dtype), jnp.ones((units,), dtype), start(key, (2 * units,), dtype)]
            return jnp.concatenate(blocks)

        make = with_forget if self.unit_forget_bias else start
        kernel, recurrent, bias = self._weights(features, (4 * units,), make)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, units), training)

        def step(x: jax.Array, states: States) -> tuple[jax.Array, States]:
            h, c = states
            z = _product(_times(x, drop_x), kernel) + _product(_times(h, drop_h), recurrent)
            z = z if bias is None else z + _row(bias)
            i, f, candidate, o = jnp.split(z, 4, axis=-1)
            c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(candidate)
            h = self.recurrent_activation(o) * self.activation(c)
            return h, (h, c)

        return step

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "use_cudnn"}


@register("keras.layers")
class GRU(_Recurrent):
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
        seed, use_cudnn: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.
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
    activation: Any = arg.activation("tanh")
    recurrent_activation: Any = arg.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: Any = arg.initializer("glorot_uniform")
    recurrent_initializer: Any = arg.initializer("orthogonal")
    bias_initializer: Any = arg.initializer("zeros")
    kernel_regularizer: Any = arg.regularizer()
    recurrent_regularizer: Any = arg.regularizer()
    bias_regularizer: Any = arg.regularizer()
    activity_regularizer: Any = arg.regularizer()
    kernel_constraint: Any = arg.constraint()
    recurrent_constraint: Any = arg.constraint()
    bias_constraint: Any = arg.constraint()
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    recurrent_dropout: float = field(0.0, convert=arg.fraction("recurrent_dropout"))
    seed: int | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    reset_after: bool = True
    use_cudnn: Any = "auto"
    zero_output_for_mask: bool = False

    _gates = 3
    _state_count = 1

    def _cell(
        self, features: Any, batch: Any, training: Any
    ) -> Callable[[jax.Array, States], tuple[jax.Array, States]]:
        units = self.units
        shape = (2, 3 * units) if self.reset_after else (3 * units,)
        kernel, recurrent, bias = self._weights(features, shape, self.bias_initializer)
        biases = (None, None) if bias is None else (bias[0], bias[1]) if self.reset_after else (bias, None)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, units), training)

        def step(x: jax.Array, states: States) -> tuple[jax.Array, States]:
            (h,) = states
            seen = _times(h, drop_h)
            from_x = _product(_times(x, drop_x), kernel)
            from_x = from_x if biases[0] is None else from_x + _row(biases[0])
            x_z, x_r, x_n = jnp.split(from_x, 3, axis=-1)
            if self.reset_after:
                from_h = _product(seen, recurrent)
                from_h = from_h if biases[1] is None else from_h + _row(biases[1])
                h_z, h_r, h_n = jnp.split(from_h, 3, axis=-1)
                reset = self.recurrent_activation(x_r + h_r)
                candidate = x_n + reset * h_n
            else:
                h_z, h_r = jnp.split(_product(seen, recurrent[:, : 2 * units]), 2, axis=-1)
                reset = self.recurrent_activation(x_r + h_r)
                candidate = x_n + _product(reset * seen, recurrent[:, 2 * units :])
            z = self.recurrent_activation(x_z + h_z)
            h = z * h + (1 - z) * self.activation(candidate)
            return h, (h,)

        return step

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "use_cudnn"}
