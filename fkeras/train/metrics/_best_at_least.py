"""The best of one rate where another is at least something, over many thresholds."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._frozen import DTypeSpec
from ..losses._weighing import divide_no_nan
from ._base import Metric, State, register_metric
from ._decisions import KINDS, count_decisions, even_cuts

# Each rate as `(a, b)`, the names of two counts: the rate is a / (a + b).
RATES = {
    "sensitivity": ("true_positives", "false_negatives"),
    "recall": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
    "precision": ("true_positives", "false_positives"),
}


class BestAtLeast(Metric):
    """The largest value of one rate over the thresholds at which another is at least the given one."""

    goal = "max"

    _best: ClassVar[str]
    _held: ClassVar[str]

    num_thresholds: int = 200
    class_id: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        value = getattr(self, self._held)
        if not 0 <= value <= 1:
            raise ValueError(
                explain(
                    f"{type(self).__name__} needs {self._held} in [0, 1].",
                    received=f"{self._held}={value!r}",
                    usually="a value in per cent.",
                    write=f"{type(self).__name__}({self._held}=0.8)",
                )
            )
        if self.num_thresholds <= 0:
            raise ValueError(
                explain(
                    f"{type(self).__name__} needs one threshold or more.",
                    received=f"num_thresholds={self.num_thresholds!r}",
                    write=f"{type(self).__name__}({self._held}={value}, num_thresholds=200)",
                )
            )

    def cuts(self) -> np.ndarray:
        """The thresholds as an array."""
        if self.num_thresholds == 1:
            return np.asarray([0.5], np.float32)
        return even_cuts(self.num_thresholds, 0.0)

    def empty(self) -> State:
        return {kind: jnp.zeros(self.cuts().shape, jnp.float32) for kind in KINDS}

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        even = self.num_thresholds > 1
        counts = count_decisions(y_true, y_pred, self.cuts(), sample_weight, mask, None, self.class_id, even=even)
        return {kind: state[kind] + counts[kind] for kind in KINDS}

    def compute(self, state: State) -> jax.Array:
        best, held = (_rate(state, name) for name in (self._best, self._held))
        return jnp.max(jnp.where(held >= getattr(self, self._held), best, 0), initial=0)


def _rate(state: State, name: str) -> jax.Array:
    right, wrong = (state[kind] for kind in RATES[name])
    return divide_no_nan(right, right + wrong)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class SensitivityAtSpecificity(BestAtLeast):
    """The best sensitivity where the specificity is at least a given one; 0 where it never is.

    Args:
        specificity: the least specificity, in [0, 1].
        num_thresholds: how many thresholds to look at, spread evenly over [0, 1].
        class_id: the one class to count; all of them together by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    Raises:
        ValueError: a specificity outside [0, 1].

    >>> metric = SensitivityAtSpecificity(0.5)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.6, 0.4, 0.9])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    specificity: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _best = "sensitivity"
    _held = "specificity"


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class SpecificityAtSensitivity(BestAtLeast):
    """The best specificity where the sensitivity is at least a given one; 0 where it never is.

    Args:
        sensitivity: the least sensitivity, in [0, 1].
        num_thresholds: how many thresholds to look at, spread evenly over [0, 1].
        class_id: the one class to count; all of them together by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    Raises:
        ValueError: a sensitivity outside [0, 1].

    >>> metric = SpecificityAtSensitivity(0.5)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.6, 0.4, 0.9])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    sensitivity: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _best = "specificity"
    _held = "sensitivity"


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class PrecisionAtRecall(BestAtLeast):
    """The best precision where the recall is at least a given one; 0 where it never is.

    Args:
        recall: the least recall, in [0, 1].
        num_thresholds: how many thresholds to look at, spread evenly over [0, 1].
        class_id: the one class to count; all of them together by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    Raises:
        ValueError: a recall outside [0, 1].

    >>> metric = PrecisionAtRecall(0.5)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.6, 0.4, 0.9])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    recall: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _best = "precision"
    _held = "recall"


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class RecallAtPrecision(BestAtLeast):
    """The best recall where the precision is at least a given one; 0 where it never is.

    Args:
        precision: the least precision, in [0, 1].
        num_thresholds: how many thresholds to look at, spread evenly over [0, 1].
        class_id: the one class to count; all of them together by default.
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.

    Raises:
        ValueError: a precision outside [0, 1].

    >>> metric = RecallAtPrecision(0.5)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.6, 0.4, 0.9])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    precision: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: DTypeSpec = None

    _best = "recall"
    _held = "precision"
