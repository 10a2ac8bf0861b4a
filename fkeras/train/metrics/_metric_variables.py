"""Variables of metrics that are written as for Keras: described on the metric, with a number while a method runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from ...core import ArrayVariable, explain
from ...core.typing import Array, ArrayLike


@dataclasses.dataclass(frozen=True)
class MetricVariable:
    """A variable of a metric, described; its number is in the state.

    Attributes:
        key: its name in the state.
        shape: its shape.
        dtype: its dtype, by name.
        initializer: what makes its first value, before `reset_state`.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    initializer: Any

    @property
    def name(self) -> str:
        """Its name."""
        return self.key

    def first(self) -> Array:
        """Its first value."""
        return self.initializer(jax.random.key(0), self.shape, jnp.dtype(self.dtype))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            explain(
                f"A metric's variable has no `{name}` outside of update_state, result and reset_state.",
                received=f"{self.key}.{name}",
                usually="a metric is frozen, and what it has seen is a value that goes in and comes out.",
                write="state = metric.update(metric.empty(), y_true, y_pred); metric.compute(state)",
            )
        )


class Cell(ArrayVariable):
    """A variable of a metric while one of its methods runs: read it like an array, change it with `assign`.

    Args:
        variable: its description.
        value: its number.

    >>> cell = Cell(MetricVariable("total", (), "float32", None), jnp.zeros(()))
    >>> cell.assign_add(2.0)
    Array(2., dtype=float32)
    >>> 1 + cell / 4
    Array(1.5, dtype=float32)
    """

    def __init__(self, variable: MetricVariable, value: Array) -> None:
        self.variable, self._value = variable, value

    @property
    def value(self) -> Array:
        """The variable's number."""
        return self._value

    @property
    def name(self) -> str:
        """The variable's name."""
        return self.variable.key

    @property
    def shape(self) -> tuple[int, ...]:
        """The variable's shape, which stays."""
        return self.variable.shape

    def assign(self, value: ArrayLike) -> Array:
        """Set the value, which becomes of the variable's dtype; returns it.

        Raises:
            ValueError: a value of another shape.
        """
        new = jnp.asarray(value)
        if new.shape not in (self.shape, ()):
            raise ValueError(
                explain(
                    f"The variable {self.name!r} of a metric keeps its shape.",
                    received=f"a value of shape {new.shape} for one of shape {self.shape}",
                    usually="a sum over some of the axes that is missing.",
                    write=f"self.{self.name}.assign_add(ops.sum(values))",
                )
            )
        self._value = jnp.broadcast_to(new, self.shape).astype(self.dtype)
        return self._value
