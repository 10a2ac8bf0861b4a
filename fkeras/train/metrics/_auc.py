"""The area under a curve of two rates over all thresholds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ...core import did_you_mean, explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._frozen import DTypeSpec, set_fields
from ..losses._inputs import EPSILON
from ..losses._weighing import divide_no_nan
from ._base import Metric, State, register_metric
from ._decisions import KINDS, are_even, count_decisions, even_cuts

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATION_METHODS = ("interpolation", "minoring", "majoring")


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class AUC(Metric):
    """The area under the ROC or the precision-recall curve, from counts at thresholds.

    Args:
        num_thresholds: how many thresholds, spread evenly over [0, 1]; more are more exact.
        curve: `"ROC"`, `"PR"` or `"PRGAIN"`.
        summation_method: `"interpolation"` (trapezoids; for PR as Davis and Goadrich do), `"minoring"` or
            `"majoring"` (steps from below or above).
        name: the name in the logs.
        dtype: accepted for Keras's sake; counts are float32.
        thresholds: the thresholds between 0 and 1 to use instead.
        multi_label: whether each column is a label with an area of its own, to be averaged.
        num_labels: how many; read off the data by default (a state that goes through `jax.lax.scan` needs it).
        label_weights: the weight of each label in that average, or of each column in the counts.
        from_logits: whether to take the sigmoid of the predictions first.

    Raises:
        ValueError: an unknown curve or summation method, or arguments that contradict each other.

    >>> metric = AUC()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.0, 0.5, 0.3, 0.9])))
    Array(0.75, dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/; Davis and Goadrich, The Relationship Between
    Precision-Recall and ROC Curves (2006).
    Unlike Keras's, the config holds `label_weights` as a list: what Keras writes for them, it cannot read.
    """

    goal = "max"

    num_thresholds: int = 200
    curve: str = "ROC"
    summation_method: str = "interpolation"
    name: str | None = None
    dtype: DTypeSpec = None
    thresholds: Sequence[float] | None = None
    multi_label: bool = False
    num_labels: int | None = None
    label_weights: Sequence[float] | np.ndarray | None = None
    from_logits: bool = False

    _keras_forgets = ("thresholds",)  # Keras writes them only where they were given

    def __post_init__(self) -> None:
        super().__post_init__()
        curve, method = str(self.curve).upper(), str(self.summation_method).lower()
        for argument, value, choices in (("curve", curve, CURVES), ("summation_method", method, SUMMATION_METHODS)):
            if value not in choices:
                raise ValueError(
                    explain(
                        f"AUC got an unknown {argument} {getattr(self, argument)!r}.",
                        received=repr(getattr(self, argument)),
                        usually=did_you_mean(value, choices),
                        write=f"AUC({argument}={choices[0]!r})",
                    )
                )
        if self.num_labels and not self.multi_label:
            raise ValueError(
                explain(
                    "AUC takes num_labels only with multi_label=True.",
                    received=f"num_labels={self.num_labels}, multi_label=False",
                    write=f"AUC(multi_label=True, num_labels={self.num_labels})",
                )
            )
        if self.thresholds is None and self.num_thresholds <= 1:
            raise ValueError(
                explain(
                    "AUC needs more than one threshold.",
                    received=f"num_thresholds={self.num_thresholds}",
                    write="AUC(num_thresholds=200)",
                )
            )
        weights = None if self.label_weights is None else np.asarray(self.label_weights).tolist()
        set_fields(self, curve=curve, summation_method=method, label_weights=weights)
        if self.thresholds is not None:
            inner = sorted(float(t) for t in self.thresholds)
            set_fields(self, thresholds=inner, num_thresholds=len(inner) + 2)

    def cuts(self) -> np.ndarray:
        """The thresholds as an array; the first is below 0 and the last above 1."""
        if self.thresholds is None:
            return even_cuts(self.num_thresholds, EPSILON)
        return np.asarray([0.0 - EPSILON, *self.thresholds, 1.0 + EPSILON], np.float32)

    def sized_for(self, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Metric:
        if not self.multi_label or self.num_labels or y_pred is None:
            return self
        return dataclasses.replace(self, num_labels=y_pred[-1])

    def empty(self) -> State:
        shape = (len(self.cuts()), self.num_labels or 1) if self.multi_label else (len(self.cuts()),)
        return {kind: jnp.zeros(shape, jnp.float32) for kind in KINDS}

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        if self.multi_label and (jnp.ndim(y_pred) != 2 or self.num_labels not in (None, jnp.shape(y_pred)[-1])):
            raise ValueError(
                explain(
                    "AUC(multi_label=True) needs predictions (batch, labels).",
                    received=f"y_pred {jnp.shape(y_pred)}, num_labels={self.num_labels}",
                    usually="a model with one output.",
                    write="AUC() for one label",
                )
            )
        y_pred = jnp.asarray(y_pred).astype(jnp.float32)
        counts = count_decisions(
            y_true,
            jax.nn.sigmoid(y_pred) if self.from_logits else y_pred,
            self.cuts(),
            sample_weight,
            mask,
            even=self.thresholds is None or are_even(np.asarray([0.0, *self.thresholds, 1.0])),
            by_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        return {kind: state[kind] + counts[kind] for kind in KINDS}

    def compute(self, state: State) -> jax.Array:
        if self.curve == "PR" and self.summation_method == "interpolation":
            area = _interpolated_pr(state)
        else:
            x, y = _curve(self.curve, state)
            height: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
                "interpolation": lambda a, b: (a + b) / 2,
                "minoring": jnp.minimum,
                "majoring": jnp.maximum,
            }
            area = jnp.sum((x[:-1] - x[1:]) * height[self.summation_method](y[:-1], y[1:]), axis=0)
        if not self.multi_label:
            return area
        if self.label_weights is None:
            return jnp.mean(area)
        weights = jnp.asarray(self.label_weights, jnp.float32)
        return divide_no_nan(jnp.sum(area * weights), jnp.sum(weights))


def _curve(curve: str, state: State) -> tuple[jax.Array, jax.Array]:
    """The curve's two axes at each threshold."""
    tp, fp, tn, fn = (state[kind] for kind in KINDS)
    if curve == "ROC":
        return divide_no_nan(fp, fp + tn), divide_no_nan(tp, tp + fn)
    if curve == "PR":
        return divide_no_nan(tp, tp + fn), divide_no_nan(tp, tp + fp)
    # Flach and Kull, Precision-Recall-Gain Curves (2015): harmonic scales on which the area is meaningful.
    odds = divide_no_nan(tp + fn, tn + fp)
    recall_gain = jnp.where(tp == 0, 0, 1 - odds * divide_no_nan(fn, tp))
    precision_gain = jnp.where(tp == 0, 1, 1 - odds * divide_no_nan(fp, tp))
    return jnp.maximum(recall_gain, 0), precision_gain


def _interpolated_pr(state: State) -> jax.Array:
    """The area under the PR curve, where between thresholds true and false positives move together linearly."""
    tp, fp, fn = (state[kind] for kind in ("true_positives", "false_positives", "false_negatives"))
    called = tp + fp
    gained = tp[:-1] - tp[1:]
    slope = divide_no_nan(gained, jnp.maximum(called[:-1] - called[1:], 0))
    intercept = tp[1:] - slope * called[1:]
    both = (called[:-1] > 0) & (called[1:] > 0)
    ratio = jnp.where(both, divide_no_nan(called[:-1], jnp.maximum(called[1:], 0)), 1)
    area = divide_no_nan(slope * (gained + intercept * jnp.log(ratio)), jnp.maximum(tp[1:] + fn[1:], 0))
    return jnp.sum(area, axis=0)
