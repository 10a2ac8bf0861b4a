"""Means and sums of values."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from ...core import serialize
from ..losses import huber as _huber  # noqa: F401 - the loss functions register themselves before metrics name them
from ._base import Metric, State, divide, register_metric, sample_values


class _Average(Metric):
    """`sum(w v) / sum(w)` of one value for each sample."""

    def empty(self) -> State:
        return {"total": jnp.zeros((), jnp.float32), "count": jnp.zeros((), jnp.float32)}

    def _add(self, state: State, values: Any, sample_weight: Any, mask: Any) -> State:
        weighted, weights = sample_values(values, sample_weight, mask)
        return {"total": state["total"] + jnp.sum(weighted), "count": state["count"] + jnp.sum(weights)}

    def compute(self, state: State) -> jax.Array:
        return divide(state["total"], state["count"])


@register_metric()
@dataclasses.dataclass(frozen=True)
class Mean(_Average):
    """The weighted mean of values: `sum(w v) / sum(w)`.

    >>> metric = Mean()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1.0, 3.0]), sample_weight=jnp.array([3.0, 1.0])))
    Array(1.5, dtype=float32)
    """

    name: str | None = "mean"

    def update(self, state: State, values: Any, y_pred: Any = None, sample_weight: Any = None, mask: Any = None) -> State:  # type: ignore[override]
        values = jnp.asarray(values, jnp.float32)
        return self._add(state, values[None] if values.ndim == 0 else values, sample_weight, mask)


@register_metric()
@dataclasses.dataclass(frozen=True)
class Sum(Metric):
    """The weighted sum of values.

    >>> metric = Sum()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1.0, 3.0])))
    Array(4., dtype=float32)
    """

    name: str | None = "sum"

    def empty(self) -> State:
        return {"total": jnp.zeros((), jnp.float32)}

    def update(self, state: State, values: Any, y_pred: Any = None, sample_weight: Any = None, mask: Any = None) -> State:  # type: ignore[override]
        values = jnp.asarray(values, jnp.float32)
        weighted, _ = sample_values(values[None] if values.ndim == 0 else values, sample_weight, mask)
        return {"total": state["total"] + jnp.sum(weighted)}

    def compute(self, state: State) -> jax.Array:
        return state["total"]


@register_metric()
@dataclasses.dataclass(frozen=True, init=False)
class MeanMetricWrapper(_Average):
    """The mean of a function `(y_true, y_pred)` over the samples.

    Args:
        fn: the function; returns one value for each sample.
        name: the name in the logs.
        dtype: accepted for Keras's sake.
        **kwargs: further arguments of the function.

    >>> metric = MeanMetricWrapper(lambda y, p: jnp.abs(y - p))
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros(2), jnp.ones(2)))
    Array(1., dtype=float32)
    """

    fn: Any = None
    kwargs: tuple[tuple[str, Any], ...] = ()

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        name = name or "mean_metric_wrapper"
        for field, value in (("name", name), ("dtype", dtype), ("fn", fn), ("kwargs", tuple(sorted(kwargs.items())))):
            object.__setattr__(self, field, value)

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> State:
        y_pred = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), y_pred)
        values = self.fn(jax.tree.map(jnp.asarray, y_true), y_pred, **dict(self.kwargs))
        if jnp.ndim(values) == 0:  # a function that reduced the batch by itself counts as one value for each row
            values = jnp.broadcast_to(values, (jax.tree.leaves(y_pred)[0].shape[0],))
        return self._add(state, values, sample_weight, mask)

    def get_config(self) -> dict[str, Any]:
        own = {k: serialize(v) for k, v in self.kwargs}
        base = {"name": self.name, "dtype": self.dtype or "float32"}
        return {**base, "fn": _function_config(self.fn), **own} if type(self) is MeanMetricWrapper else {**base, **own}


def _function_config(fn: Any) -> Any:
    config = serialize(fn)
    if isinstance(config, str):  # Keras's record of one of its own functions
        return {"module": "builtins", "class_name": "function", "config": config, "registered_name": "function"}
    return config
