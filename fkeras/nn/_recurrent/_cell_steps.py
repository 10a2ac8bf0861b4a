"""The arithmetic of the recurrent cells: weights, and one step as a function of input and state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...core import Layer

States = tuple[jax.Array, ...]
Step = Callable[[jax.Array, States], tuple[jax.Array, States]]


class CellWeights(Layer):
    """What cells and the layers around them share: two kernels, a bias, dropout masks."""

    _gates = 1  # how many blocks of `units` columns the fused kernels have
    _state_count = 1

    def _step(self, features: Any, batch: Any, training: Any) -> Step:
        """One step, with its weights made and its dropout masks drawn: one mask for a whole sequence."""
        raise NotImplementedError

    def _kernels(self, features: Any, bias_shape: Any, bias_initializer: Any) -> tuple[Any, Any, Any]:
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
        return keep.astype(self.compute_dtype) / max(1 - rate, 1e-7)


class SimpleRNNStep:
    """`h = tanh(x W + h U + b)`."""

    _gates = 1
    _state_count = 1

    def _step(self: Any, features: Any, batch: Any, training: Any) -> Step:
        kernel, recurrent, bias = self._kernels(features, (self.units,), self.bias_initializer)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, self.units), training)

        def step(x: jax.Array, states: States) -> tuple[jax.Array, States]:
            z = product(times(x, drop_x), kernel)
            z = z if bias is None else z + row(bias)
            h = self.activation(z + product(times(states[0], drop_h), recurrent))
            return h, (h,)

        return step


class LSTMStep:
    """`i, f, o = s(x W + h U + b)`, `c = f c + i tanh(...)`, `h = o tanh(c)`."""

    _gates = 4
    _state_count = 2

    def _step(self: Any, features: Any, batch: Any, training: Any) -> Step:
        make = forget_bias(self.bias_initializer, self.units) if self.unit_forget_bias else self.bias_initializer
        kernel, recurrent, bias = self._kernels(features, (4 * self.units,), make)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, self.units), training)

        def step(x: jax.Array, states: States) -> tuple[jax.Array, States]:
            h, c = states
            z = product(times(x, drop_x), kernel) + product(times(h, drop_h), recurrent)
            z = z if bias is None else z + row(bias)
            i, f, candidate, o = jnp.split(z, 4, axis=-1)
            c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(candidate)
            h = self.recurrent_activation(o) * self.activation(c)
            return h, (h, c)

        return step


class GRUStep:
    """`z, r = s(x W + h U + b)`, `n = tanh(x W_n + r (h U_n + b_n))`, `h = z h + (1 - z) n`."""

    _gates = 3
    _state_count = 1

    def _step(self: Any, features: Any, batch: Any, training: Any) -> Step:
        units = self.units
        shape = (2, 3 * units) if self.reset_after else (3 * units,)
        kernel, recurrent, bias = self._kernels(features, shape, self.bias_initializer)
        biases = (None, None) if bias is None else (bias[0], bias[1]) if self.reset_after else (bias, None)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, units), training)

        def step(x: jax.Array, states: States) -> tuple[jax.Array, States]:
            h = states[0]
            seen = times(h, drop_h)
            from_x = product(times(x, drop_x), kernel)
            from_x = from_x if biases[0] is None else from_x + row(biases[0])
            x_z, x_r, x_n = jnp.split(from_x, 3, axis=-1)
            if self.reset_after:
                from_h = product(seen, recurrent)
                from_h = from_h if biases[1] is None else from_h + row(biases[1])
                h_z, h_r, h_n = jnp.split(from_h, 3, axis=-1)
                reset = self.recurrent_activation(x_r + h_r)
                candidate = x_n + reset * h_n
            else:
                h_z, h_r = jnp.split(product(seen, recurrent[:, : 2 * units]), 2, axis=-1)
                reset = self.recurrent_activation(x_r + h_r)
                candidate = x_n + product(reset * seen, recurrent[:, 2 * units :])
            update = self.recurrent_activation(x_z + h_z)
            h = update * h + (1 - update) * self.activation(candidate)
            return h, (h,)

        return step


def forget_bias(start: Any, units: int) -> Any:
    """An initializer whose second block, the forget gate's, is 1: a memory that begins by remembering."""

    def make(key: Any, shape: Any, dtype: Any) -> jax.Array:
        blocks = [start(key, (units,), dtype), jnp.ones((units,), dtype), start(key, (2 * units,), dtype)]
        return jnp.concatenate(blocks)

    return make


def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`x @ kernel` over the last axis of `x`."""
    return lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))


def times(x: jax.Array, mask: Any) -> jax.Array:
    """`x * mask`, where there is one."""
    return x if mask is None else x * mask


def row(bias: jax.Array) -> jax.Array:
    """A bias beside a batch."""
    return bias[None, :]
