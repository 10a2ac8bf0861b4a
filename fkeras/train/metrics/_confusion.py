"""Counts of right and wrong decisions at thresholds, precision and recall."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._frozen import DTypeSpec, set_fields
from ..losses._weighing import divide_no_nan
from ._base import Metric, State, register_metric
from ._decisions import count_decisions

# With `top_k`, predictions that are not among the k largest are set to -1e10, and all others are above this threshold.
BELOW_ALL = -1e10


class AtThresholds(Metric):
    """Sums of decisions at one threshold or several; a state of one array for each kind that it counts."""

    _counts: ClassVar[tuple[str, ...]]

    thresholds: Sequence[float] | float | None = None
    top_k: int | None = None
    class_id: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.thresholds, np.ndarray | list | tuple):
            plain = np.asarray(self.thresholds, object).tolist()
            set_fields(self, thresholds=tuple(plain) if isinstance(plain, list) else plain)
        bad = [t for t in _listed(self.thresholds) if t is None or not 0 <= t <= 1]
        if self.thresholds is not None and bad:
            raise ValueError(
                explain(
                    f"{type(self).__name__} needs thresholds in [0, 1].",
                    received=f"thresholds={self.thresholds!r}",
                    usually="predictions that are logits; pass them through a sigmoid first.",
                    write="thresholds=0.5, or thresholds=[0.25, 0.5, 0.75]",
                )
            )

    def cuts(self) -> np.ndarray:
        """The thresholds as an array."""
        default = 0.5 if self.top_k is None else BELOW_ALL
        return np.asarray(_listed(default if self.thresholds is None else self.thresholds), np.float32)

    def empty(self) -> State:
        return {name: jnp.zeros(self.cuts().shape, jnp.float32) for name in self._counts}

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        counts = count_decisions(y_true, y_pred, self.cuts(), sample_weight, mask, self.top_k, self.class_id)
        return {name: state[name] + counts[name] for name in self._counts}

    def _value(self, state: State) -> jax.Array:
        return state[self._counts[0]]

    def compute(self, state: State) -> jax.Array:
        value = self._value(state)
        return value[0] if len(self.cuts()) == 1 else value


def _listed(thresholds: Sequence[float] | float | None) -> list[float | None]:
    return list(thresholds) if isinstance(thresholds, Sequence) else [thresholds]


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class TruePositives(AtThresholds):
    """How many positives were called positive.

    Args:
        thresholds: above which, strictly, a prediction is positive; one or several in [0, 1], 0.5 by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    >>> metric = TruePositives()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1, 0]), jnp.array([0.9, 0.2, 0.7])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    goal = "max"

    thresholds: Sequence[float] | float | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _counts = ("true_positives",)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class TrueNegatives(AtThresholds):
    """How many negatives were called negative.

    Args:
        thresholds: above which, strictly, a prediction is positive; one or several in [0, 1], 0.5 by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    >>> metric = TrueNegatives()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1, 0]), jnp.array([0.9, 0.2, 0.7])))
    Array(0., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    goal = "max"

    thresholds: Sequence[float] | float | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _counts = ("true_negatives",)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class FalsePositives(AtThresholds):
    """How many negatives were called positive.

    Args:
        thresholds: above which, strictly, a prediction is positive; one or several in [0, 1], 0.5 by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    >>> metric = FalsePositives()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1, 0]), jnp.array([0.9, 0.2, 0.7])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    goal = "min"

    thresholds: Sequence[float] | float | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _counts = ("false_positives",)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class FalseNegatives(AtThresholds):
    """How many positives were called negative.

    Args:
        thresholds: above which, strictly, a prediction is positive; one or several in [0, 1], 0.5 by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    >>> metric = FalseNegatives()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1, 0]), jnp.array([0.9, 0.2, 0.7])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    goal = "min"

    thresholds: Sequence[float] | float | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _counts = ("false_negatives",)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class Precision(AtThresholds):
    r"""Which part of what was called positive is: $TP / (TP + FP)$, and 0 where there is nothing to divide by.

    Args:
        thresholds: above which, strictly, a prediction is positive; one or several in [0, 1], 0.5 by default.
        top_k: a prediction among the `k` largest of its row is positive; with `thresholds`, if it is above them too.
        class_id: the one class to count; all of them together by default.
        name: the name in the logs.
        dtype: accepted for Keras"s sake; counts are float32.

    Raises:
        ValueError: thresholds outside [0, 1].

    >>> metric = Precision()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1, 0]), jnp.array([0.9, 0.2, 0.7])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    goal = "max"

    thresholds: Sequence[float] | float | None = None
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _counts = ("true_positives", "false_positives")

    def _value(self, state: State) -> jax.Array:
        right, wrong = (state[name] for name in self._counts)
        return divide_no_nan(right, right + wrong)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class Recall(AtThresholds):
    r"""Which part of the positives was called positive: $TP / (TP + FN)$, and 0 where there is nothing to divide by.

    Args:
        thresholds: above which, strictly, a prediction is positive; one or several in [0, 1], 0.5 by default.
        top_k: a prediction among the `k` largest of its row is positive; with `thresholds`, if it is above them too.
        class_id: the one class to count; all of them together by default.
        name: the name in the logs.
        dtype: accepted for Keras"s sake; counts are float32.

    Raises:
        ValueError: thresholds outside [0, 1].

    >>> metric = Recall()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1, 0]), jnp.array([0.9, 0.2, 0.7])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    goal = "max"

    thresholds: Sequence[float] | float | None = None
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _counts = ("true_positives", "false_negatives")

    def _value(self, state: State) -> jax.Array:
        right, wrong = (state[name] for name in self._counts)
        return divide_no_nan(right, right + wrong)
