"""Metrics of a whole set, computed by numpy code on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np

from ...core import call_with_config, explain
from ...core.typing import ArrayLike, Config, CustomObjects, Num, PyTree, Shaped
from ..losses._frozen import set_fields
from ..losses._get import function_config
from ._base import Metric, register_metric
from ._get import deserialize


@register_metric()
class OnHost(Metric):
    """`fn(y_true, y_pred)` of a whole set, as numpy arrays; computed once at the end of each evaluation.

    For what is no sum over samples, scikit-learn's metrics say. `evaluate`, and the validation of `fit`, keep the
    predictions of their forward pass and call `fn` once; an epoch's own numbers, which are those of a model that
    changes while it goes, do not have it.

    Args:
        fn: `(y_true, y_pred) -> number`, or `(y_true, y_pred, sample_weight) -> number` in `weighted_metrics`. It gets
            arrays with one row for each of the set, in the set's order.
        name: the name in the logs; the function's name by default.

    Raises:
        TypeError: `fn` cannot be called.

    >>> import fkeras as fk, numpy as np
    >>> worst = fk.metrics.OnHost(lambda y, p: np.abs(y - p).max(), name="worst")
    >>> trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1, kernel_initializer="ones")]).compile(
    ...     "sgd", "mse", metrics=[worst])
    >>> trainer.evaluate(trainer.init(0), np.array([[1.0], [5.0]]), np.zeros((2, 1)))["worst"]
    5.0

    Keras has no such metric.
    """

    fn: Callable[..., object]

    def __init__(self, fn: Callable[..., object], name: str | None = None) -> None:
        if not callable(fn):
            raise TypeError(
                explain(
                    "OnHost needs a function.",
                    received=repr(fn)[:80],
                    write="fk.metrics.OnHost(sklearn.metrics.f1_score)",
                )
            )
        set_fields(self, fn=fn)
        super().__init__(name=name or getattr(fn, "__name__", None))

    def empty(self) -> PyTree:
        """Nothing: what it has seen stays on the host."""
        return {}

    def update(
        self,
        state: PyTree,
        y_true: PyTree,
        y_pred: PyTree,
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> PyTree:
        """The same: batches are not looked at."""
        return state

    def compute(self, state: PyTree) -> PyTree:
        """Not from a state.

        Raises:
            TypeError: always; `of` has the value.
        """
        raise TypeError(
            explain(
                f"The metric {self.name!r} needs the whole set, and there is no state that holds it.",
                usually="it was used in a loop of one's own.",
                write="metric.of(y_true, y_pred), or trainer.evaluate(state, x, y)",
            )
        )

    def of(self, y_true: PyTree, y_pred: PyTree, sample_weight: Num[ArrayLike, " ..."] | None = None) -> float:
        """The metric of a whole set.

        Args:
            y_true: targets `(n, …)`.
            y_pred: predictions `(n, …)`.
            sample_weight: weights `(n,)`, handed on where they are given.

        Returns:
            The number that `fn` returned.

        Raises:
            ValueError: the function returned something that is no number.
        """
        weight = () if sample_weight is None else (np.asarray(sample_weight),)
        value = np.asarray(self.fn(np.asarray(y_true), np.asarray(y_pred), *weight))
        if value.shape != ():
            raise ValueError(
                explain(
                    f"The metric {self.name!r} must be one number.",
                    received=f"shape {value.shape}",
                    usually="the function returns a value for each row or each class.",
                    write="fk.metrics.OnHost(lambda y, p: fn(y, p).mean())",
                )
            )
        return float(value)

    def get_config(self) -> Config:
        return {"fn": function_config(self.fn), "name": self.name}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        return call_with_config(cls, {**config, "fn": deserialize(config["fn"], custom_objects)})

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", None)
        return f"OnHost({name or self.fn}{f', name={self.name!r}' if self.name != name else ''})"
