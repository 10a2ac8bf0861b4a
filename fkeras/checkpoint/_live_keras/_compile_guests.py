"""Losses and metrics of a user's own Keras classes, as losses and metrics of fkeras."""

from __future__ import annotations

import jax.numpy as jnp

from ...core import explain
from ...core.typing import Array, ArrayLike, Num, PyTree, Shaped
from ...train.losses import Loss
from ...train.metrics import Metric
from ._library import LiveObject, as_arrays, keras_library


class KerasLoss(Loss):
    """A loss of a user's own Keras class: its `call`, weighed and reduced here as Keras does; equal by the object.

    Args:
        live: the loss.
    """

    def __init__(self, live: LiveObject) -> None:
        super().__init__(name=live.name, reduction=live.reduction, dtype=live.dtype)
        self.live = live

    def call(self, y_true: PyTree, y_pred: PyTree) -> Array:
        """What Keras's `call` returns."""
        values: Array = self.live.call(y_true, y_pred)
        return values


class KerasMetric(Metric):
    """A metric of a user's own Keras class, by its stateless methods; equal by the object.

    Args:
        live: the metric.
    """

    _takes_padding = False  # type: ignore[assignment]

    def __init__(self, live: LiveObject) -> None:
        super().__init__(name=live.name, dtype=live.dtype)
        self.live = live

    def empty(self) -> PyTree:
        """The variables after Keras's `reset_state`."""
        return self._named(self.live.stateless_reset_state())

    def update(
        self,
        state: PyTree,
        y_true: PyTree,
        y_pred: PyTree,
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> PyTree:
        """The variables after Keras's `update_state`."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if mask is not None:
            given = jnp.ones((), jnp.float32) if sample_weight is None else sample_weight
            weights = {"sample_weight": jnp.asarray(mask, jnp.float32) * given}
        return self._named(self.live.stateless_update_state([*state.values()], y_true, y_pred, **weights))

    def compute(self, state: PyTree) -> PyTree:
        """Keras's `result`."""
        keras = keras_library("fk.from_keras")
        with keras.StatelessScope(list(zip(self.live.variables, state.values(), strict=True))):
            return as_arrays(keras, self.live.result())

    def merge(self, a: PyTree, b: PyTree) -> PyTree:
        """Both states together, as each of Keras's variables says that replicas are."""
        return {n: _together(v, a[n], b[n]) for n, v in zip(a, self.live.variables, strict=True)}

    def _named(self, values: list[Array]) -> dict[str, Array]:
        named = zip(self.live.variables, values, strict=True)
        return {f"{i:03}_{v.name}": jnp.asarray(value, v.dtype) for i, (v, value) in enumerate(named)}


def _together(variable: LiveObject, one: Array, other: Array) -> Array:
    how = getattr(variable, "aggregation", "sum")
    if how == "sum":
        return one + other
    if how == "only_first_replica":
        return one
    raise ValueError(
        explain(
            f"The states of a metric cannot be put together: its variable {variable.name!r} does not say how.",
            received=f"aggregation={how!r}",
            usually="a metric of your own whose numbers are neither sums nor counts, over several devices.",
            write='self.add_variable(shape=(), initializer="zeros", aggregation="sum", name="total")',
        )
    )


def is_guest_part(value: object) -> bool:
    """Whether a loss or metric is a live one of Keras."""
    return isinstance(value, KerasLoss | KerasMetric)
