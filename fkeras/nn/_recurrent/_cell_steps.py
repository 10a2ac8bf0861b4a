"""The arithmetic of the recurrent cells: weights, and one step as a function of input and state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax

from ...core import Layer
from ...core.typing import Array, DTypeLike, Float, Key, Training
from .. import _arguments as arg

#: The states of a cell, each `(batch, units)`.
States: TypeAlias = tuple[jax.Array, ...]
#: One step, `(inputs, states) -> (output, new states)`.
Step: TypeAlias = Callable[[jax.Array, States], tuple[jax.Array, States]]
#: The kernel of the inputs, that of the states, and the bias or `None`.
Kernels: TypeAlias = tuple[jax.Array, jax.Array, jax.Array | None]


class Parts(NamedTuple):
    """One step in two halves, with its weights made and its dropout masks drawn: one mask for a whole sequence.

    Attributes:
        dropped: the inputs `(..., batch, features)` of one step or of many, times their dropout mask.
        project: of those what the inputs alone make of them, `(..., batch, columns)`.
        step: the rest of one step, `(projected, states) -> (output, new states)`.
        kernels: the weights.
    """

    dropped: Callable[[jax.Array], jax.Array]
    project: Callable[[jax.Array], jax.Array]
    step: Step
    kernels: Kernels

    def whole(
        self, x: Float[Array, "batch features"], states: Sequence[jax.Array]
    ) -> tuple[Float[Array, "batch units"], list[jax.Array]]:
        """Both halves."""
        output, new = self.step(self.project(self.dropped(x)), tuple(states))
        return output, list(new)


@runtime_checkable
class CellLike(Protocol):
    """A layer with the fields that all cells have."""

    units: int
    activation: arg.ActivationLike
    use_bias: bool
    kernel_initializer: arg.InitializerLike
    recurrent_initializer: arg.InitializerLike
    bias_initializer: arg.InitializerLike
    kernel_regularizer: arg.RegularizerLike
    recurrent_regularizer: arg.RegularizerLike
    bias_regularizer: arg.RegularizerLike
    kernel_constraint: arg.ConstraintLike
    recurrent_constraint: arg.ConstraintLike
    bias_constraint: arg.ConstraintLike
    dropout: float
    recurrent_dropout: float
    _gates: int

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic."""

    def make_rng(self, name: str) -> Key:
        """A key of its own for each call."""

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

    def _kernels(self, features: int, bias_shape: tuple[int, ...], bias_initializer: arg.InitializerLike) -> Kernels:
        """The weights: see `CellWeights`."""

    def _drop(self, rate: float, shape: tuple[int, ...], training: Training) -> jax.Array | None:
        """A dropout mask: see `CellWeights`."""


@runtime_checkable
class GatedCellLike(CellLike, Protocol):
    """A cell with gates."""

    recurrent_activation: arg.ActivationLike


@runtime_checkable
class LSTMCellLike(GatedCellLike, Protocol):
    """A cell of an LSTM."""

    unit_forget_bias: bool


@runtime_checkable
class GRUCellLike(GatedCellLike, Protocol):
    """A cell of a GRU."""

    reset_after: bool


class CellWeights(Layer):
    """The part that cells and the layers around them have in common: two kernels, a bias, dropout masks."""

    _gates = 1  # how many blocks of `units` columns the fused kernels have
    _state_count = 1

    def _parts(self, features: int, batch: int, training: Training) -> Parts:
        """One step in two halves."""
        raise NotImplementedError

    def _kernels(
        self: CellLike, features: int, bias_shape: tuple[int, ...], bias_initializer: arg.InitializerLike
    ) -> Kernels:
        """The weights, made or read."""
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

    def _drop(self: CellLike, rate: float, shape: tuple[int, ...], training: Training) -> jax.Array | None:
        """A dropout mask for every step, or `None`."""
        if not training or rate == 0:
            return None
        keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - rate, shape)
        return keep.astype(self.compute_dtype) / max(1 - rate, 1e-7)


class SimpleRNNStep:
    """`h = tanh(x W + h U + b)`."""

    _gates = 1
    _state_count = 1

    def _parts(self: CellLike, features: int, batch: int, training: Training) -> Parts:
        kernel, recurrent, bias = self._kernels(features, (self.units,), self.bias_initializer)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, self.units), training)

        def project(x: Float[Array, "... features"]) -> Float[Array, "... units"]:
            return plus(product(x, kernel), bias)

        def step(z: Float[Array, "batch units"], states: States) -> tuple[Float[Array, "batch units"], States]:
            h = self.activation(z + product(times(states[0], drop_h), recurrent))
            return h, (h,)

        return Parts(lambda x: times(x, drop_x), project, step, (kernel, recurrent, bias))


class LSTMStep:
    """`i, f, o = s(x W + h U + b)`, `c = f c + i tanh(...)`, `h = o tanh(c)`."""

    _gates = 4
    _state_count = 2

    def _parts(self: LSTMCellLike, features: int, batch: int, training: Training) -> Parts:
        make = forget_bias(self.bias_initializer, self.units) if self.unit_forget_bias else self.bias_initializer
        kernel, recurrent, bias = self._kernels(features, (4 * self.units,), make)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, self.units), training)

        def project(x: Float[Array, "... features"]) -> Float[Array, "... columns"]:
            return product(x, kernel)

        def gates(z: Float[Array, "batch columns"], h: Float[Array, "batch units"]) -> Float[Array, "batch columns"]:
            return plus(z + product(times(h, drop_h), recurrent), bias)

        step = lstm_step(gates, self.activation, self.recurrent_activation)
        return Parts(lambda x: times(x, drop_x), project, step, (kernel, recurrent, bias))


def lstm_step(
    gates: Callable[[jax.Array, jax.Array], jax.Array],
    activation: arg.ActivationLike,
    recurrent_activation: arg.ActivationLike,
) -> Step:
    """The step of an LSTM whose gates `gates(z, h)` makes of what the inputs give and of the state."""

    def step(z: Float[Array, "batch columns"], states: States) -> tuple[Float[Array, "batch units"], States]:
        h, c = states
        i, f, candidate, o = jnp.split(gates(z, h), 4, axis=-1)
        c = recurrent_activation(f) * c + recurrent_activation(i) * activation(candidate)
        h = recurrent_activation(o) * activation(c)
        return h, (h, c)

    return step


class GRUStep:
    """`z, r = s(x W + h U + b)`, `n = tanh(x W_n + r (h U_n + b_n))`, `h = z h + (1 - z) n`."""

    _gates = 3
    _state_count = 1

    def _parts(self: GRUCellLike, features: int, batch: int, training: Training) -> Parts:
        units = self.units
        shape = (2, 3 * units) if self.reset_after else (3 * units,)
        kernel, recurrent, bias = self._kernels(features, shape, self.bias_initializer)
        biases = (None, None) if bias is None else (bias[0], bias[1]) if self.reset_after else (bias, None)
        drop_x = self._drop(self.dropout, (batch, features), training)
        drop_h = self._drop(self.recurrent_dropout, (batch, units), training)

        def project(x: Float[Array, "... features"]) -> Float[Array, "... columns"]:
            return plus(product(x, kernel), biases[0])

        def step(z: Float[Array, "batch columns"], states: States) -> tuple[Float[Array, "batch units"], States]:
            h = states[0]
            kept = times(h, drop_h)
            x_z, x_r, x_n = jnp.split(z, 3, axis=-1)
            if self.reset_after:
                from_h = plus(product(kept, recurrent), biases[1])
                h_z, h_r, h_n = jnp.split(from_h, 3, axis=-1)
                reset = self.recurrent_activation(x_r + h_r)
                candidate = x_n + reset * h_n
            else:
                h_z, h_r = jnp.split(product(kept, recurrent[:, : 2 * units]), 2, axis=-1)
                reset = self.recurrent_activation(x_r + h_r)
                candidate = x_n + product(reset * kept, recurrent[:, 2 * units :])
            update = self.recurrent_activation(x_z + h_z)
            h = update * h + (1 - update) * self.activation(candidate)
            return h, (h,)

        return Parts(lambda x: times(x, drop_x), project, step, (kernel, recurrent, bias))


def forget_bias(start: arg.InitializerLike, units: int) -> arg.InitializerLike:
    """An initializer whose second block, the forget gate's, is 1: a memory that begins by remembering."""

    def make(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, " columns"]:
        blocks = [start(key, (units,), dtype), jnp.ones((units,), dtype), start(key, (2 * units,), dtype)]
        return jnp.concatenate(blocks)

    return make


def product(x: Float[Array, "... features"], kernel: Float[Array, "features units"]) -> Float[Array, "... units"]:
    """`x @ kernel` over the last axis of `x`."""
    return lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))


def times(
    x: Float[Array, "... batch columns"], mask: Float[Array, "batch columns"] | None
) -> Float[Array, "... batch columns"]:
    """`x * mask`, where there is one, for one step or for many."""
    return x if mask is None else x * mask[(None,) * (x.ndim - mask.ndim)]


def plus(x: Float[Array, "... columns"], bias: Float[Array, " columns"] | None) -> Float[Array, "... columns"]:
    """`x + bias`, where there is one, for one step or for many."""
    return x if bias is None else x + bias[(None,) * (x.ndim - 1)]
