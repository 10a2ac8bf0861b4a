"""Counts of right and wrong decisions at thresholds, and what is made of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from .. import losses
from ._base import Metric, State, divide, register_metric


def _thresholds(thresholds: Any, default: float = 0.5) -> tuple[float, ...]:
    values = (default,) if thresholds is None else thresholds if isinstance(thresholds, list | tuple) else (thresholds,)
    bad = [t for t in values if t is None or not 0 <= t <= 1]
    if bad:
        raise ValueError(explain("Thresholds must lie in [0, 1].", received=f"thresholds={thresholds!r}", write="thresholds=0.5"))
    return tuple(float(t) for t in values)


def count_decisions(
    y_true: Any,
    y_pred: Any,
    thresholds: Any,
    sample_weight: Any,
    mask: Any,
    top_k: int | None = None,
    class_id: int | None = None,
    per_label: bool = False,
) -> dict[str, jax.Array]:
    """True and false positives and negatives at each threshold.

    Args:
        y_true: targets, 0 or 1.
        y_pred: predictions in [0, 1].
        thresholds: `(t,)`; a prediction above its threshold is a positive.
        sample_weight, mask: broadcast over the trailing axes they lack.
        top_k: only the `k` largest predictions of a row may be positives.
        class_id: look at one class only.
        per_label: keep the last axis apart.

    Returns:
        `tp`, `fp`, `tn`, `fn`, each `(t,)` or `(t, labels)`.
    """
    y_true, y_pred = losses.same_rank(y_true, jnp.asarray(y_pred, jnp.float32))
    weights = jnp.ones(y_pred.shape, jnp.float32)
    for part in (sample_weight, mask):
        if part is not None:
            weights = weights * losses.fit_to(jnp.asarray(part, jnp.float32), y_pred)
    if top_k is not None:
        kth = jax.lax.top_k(y_pred, top_k)[0][..., -1:]
        y_pred = jnp.where(y_pred >= kth, y_pred, -jnp.inf)
    if class_id is not None:
        y_true, y_pred, weights = (a[..., class_id] for a in (y_true, y_pred, weights))
    labels = y_pred.shape[-1] if per_label else 1
    t = jnp.asarray(thresholds, jnp.float32).reshape(-1, 1, 1)
    y_true, y_pred, weights = (a.reshape(1, -1, labels) for a in (y_true > 0, y_pred, weights))
    said = y_pred > t
    counts = {
        "tp": jnp.where(said & y_true, weights, 0),
        "fp": jnp.where(said & ~y_true, weights, 0),
        "tn": jnp.where(~said & ~y_true, weights, 0),
        "fn": jnp.where(~said & y_true, weights, 0),
    }
    return {k: v.sum(1) if per_label else v.sum((1, 2)) for k, v in counts.items()}


@dataclasses.dataclass(frozen=True)
class _AtThresholds(Metric):
    """A metric of counts at thresholds."""

    thresholds: Any = None
    _counts = ("tp",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_cuts", _thresholds(self.thresholds))
        if isinstance(self.thresholds, list):
            object.__setattr__(self, "thresholds", tuple(self.thresholds))

    def empty(self) -> State:
        return {k: jnp.zeros(len(self._cuts), jnp.float32) for k in self._counts}  # type: ignore[attr-defined]

    def _found(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> dict[str, jax.Array]:
        return count_decisions(y_true, y_pred, self._cuts, sample_weight, mask)  # type: ignore[attr-defined]

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> State:
        found = self._found(y_true, y_pred, sample_weight, mask)
        return {k: state[k] + found[k] for k in self._counts}

    def compute(self, state: State) -> jax.Array:
        value = self._value(state)
        return value[0] if len(self._cuts) == 1 else value  # type: ignore[attr-defined]

    def _value(self, state: State) -> jax.Array:
        return state[self._counts[0]]


def _count_class(cls_name: str, key: str, name: str, what: str) -> Any:
    def __init__(self: Any, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        for field, value in (("thresholds", thresholds), ("name", name or default), ("dtype", dtype)):
            object.__setattr__(self, field, value)
        self.__post_init__()

    default = name
    doc = f"""The weight of {what}.

    Args:
        thresholds: above which a prediction is a yes; one or several, 0.5 by default.

    >>> import fkeras as fk
    >>> metric = fk.metrics.{cls_name}()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 0]), jnp.array([0.9, 0.2]))).shape
    ()
    """
    body = {"__init__": __init__, "__doc__": doc, "__module__": __name__, "_counts": (key,)}
    return register_metric(name)(dataclasses.dataclass(frozen=True, init=False)(type(cls_name, (_AtThresholds,), body)))


TruePositives = _count_class("TruePositives", "tp", "true_positives", "right yes-decisions")
TrueNegatives = _count_class("TrueNegatives", "tn", "true_negatives", "right no-decisions")
FalsePositives = _count_class("FalsePositives", "fp", "false_positives", "wrong yes-decisions")
FalseNegatives = _count_class("FalseNegatives", "fn", "false_negatives", "wrong no-decisions")


@dataclasses.dataclass(frozen=True, init=False)
class _Ratio(_AtThresholds):
    """Precision and recall: true positives over all that were, or should be, positive."""

    top_k: int | None = None
    class_id: int | None = None

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        fields = {"thresholds": thresholds, "top_k": top_k, "class_id": class_id, "name": name, "dtype": dtype}
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        self.__post_init__()
        # Keras: with top_k and no threshold, everything in the top counts
        if top_k is not None and thresholds is None:
            object.__setattr__(self, "_cuts", (float("-inf"),))

    def _found(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> dict[str, jax.Array]:
        cuts = self._cuts  # type: ignore[attr-defined]
        if cuts == (float("-inf"),):
            cuts = (-3.0e38,)  # below every finite prediction, above the -inf of those outside the top
        return count_decisions(y_true, y_pred, cuts, sample_weight, mask, self.top_k, self.class_id)

    def _value(self, state: State) -> jax.Array:
        a, b = (state[k] for k in self._counts)
        return divide(a, a + b)


@register_metric("precision")
@dataclasses.dataclass(frozen=True, init=False)
class Precision(_Ratio):
    """`tp / (tp + fp)`: how many of the yes-decisions are right.

    Args:
        thresholds: above which a prediction is a yes; one or several, 0.5 by default.
        top_k: only the `k` largest predictions of a row may be a yes.
        class_id: look at one class only.

    >>> metric = Precision()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 0]), jnp.array([0.9, 0.8])))
    Array(0.5, dtype=float32)
    """

    _counts = ("tp", "fp")


@register_metric("recall")
@dataclasses.dataclass(frozen=True, init=False)
class Recall(_Ratio):
    """`tp / (tp + fn)`: how many of the true ones were found.

    Args:
        thresholds: above which a prediction is a yes; one or several, 0.5 by default.
        top_k: only the `k` largest predictions of a row may be a yes.
        class_id: look at one class only.

    >>> metric = Recall()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 1]), jnp.array([0.9, 0.2])))
    Array(0.5, dtype=float32)
    """

    _counts = ("tp", "fn")


@register_metric("auc")
@dataclasses.dataclass(frozen=True, init=False)
class AUC(Metric):
    """The area under the ROC or the precision-recall curve, by a Riemann sum over thresholds.

    Args:
        num_thresholds: how many thresholds cut [0, 1].
        curve: `"ROC"` or `"PR"`.
        summation_method: `"interpolation"`, `"minoring"` or `"majoring"`.
        thresholds: thresholds of your own instead; 0 and 1 are added.
        multi_label: whether the last axis holds labels, each with its own curve, averaged.
        num_labels: how many, when `multi_label`.
        label_weights: a weight for each label in that average.
        from_logits: whether predictions pass through a sigmoid first.

    Raises:
        ValueError: an unknown curve or method, or labels without their number.

    >>> metric = AUC()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.0, 0.5, 0.3, 0.9])))
    Array(0.75, dtype=float32)

    Reference: Davis and Goadrich, The Relationship Between Precision-Recall and ROC Curves (2006).
    """

    num_thresholds: int = 200
    curve: str = "ROC"
    summation_method: str = "interpolation"
    thresholds: Any = None
    multi_label: bool = False
    num_labels: int | None = None
    label_weights: Any = None
    from_logits: bool = False

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        if curve not in ("ROC", "PR"):
            raise ValueError(explain("AUC: `curve` must be 'ROC' or 'PR'.", received=repr(curve), write='curve="ROC"'))
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                explain("AUC: unknown summation_method.", received=repr(summation_method), write='"interpolation"')
            )
        if multi_label and num_labels is None:
            raise ValueError(
                explain(
                    "AUC with multi_label needs the number of labels.",
                    received="num_labels=None",
                    usually="Keras reads it off the first batch; a pure metric has to know it before.",
                    write="AUC(multi_label=True, num_labels=5)",
                )
            )
        values = {
            "num_thresholds": num_thresholds,
            "curve": curve,
            "summation_method": summation_method,
            "name": name or "auc",
            "dtype": dtype,
            "thresholds": None if thresholds is None else tuple(thresholds),
            "multi_label": multi_label,
            "num_labels": num_labels,
            "label_weights": None if label_weights is None else tuple(label_weights),
            "from_logits": from_logits,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def _cuts(self) -> np.ndarray:
        if self.thresholds is not None:
            inner = sorted(self.thresholds)
        else:
            if self.num_thresholds <= 1:
                raise ValueError(explain("AUC: num_thresholds must be over 1.", received=self.num_thresholds))
            inner = [(i + 1) / (self.num_thresholds - 1) for i in range(self.num_thresholds - 2)]
        return np.asarray([-1e-7, *inner, 1 + 1e-7], np.float32)

    def empty(self) -> State:
        shape = (len(self._cuts()), self.num_labels) if self.multi_label else (len(self._cuts()),)
        return {k: jnp.zeros(shape, jnp.float32) for k in ("tp", "fp", "tn", "fn")}

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> State:
        y_pred = jnp.asarray(y_pred, jnp.float32)
        if self.from_logits:
            y_pred = jax.nn.sigmoid(y_pred)
        if not self.multi_label and self.label_weights is not None:
            labels = losses.fit_to(jnp.asarray(self.label_weights, jnp.float32)[None, :], y_pred)
            weight = jnp.ones(y_pred.shape) if sample_weight is None else losses.fit_to(jnp.asarray(sample_weight), y_pred)
            sample_weight = weight * labels
        found = count_decisions(y_true, y_pred, self._cuts(), sample_weight, mask, per_label=self.multi_label)
        return {k: state[k] + found[k] for k in state}

    def compute(self, state: State) -> jax.Array:
        tp, fp, tn, fn = (state[k] for k in ("tp", "fp", "tn", "fn"))
        if self.curve == "PR" and self.summation_method == "interpolation":
            by_label = _interpolated_pr(tp, fp, fn)
        else:
            recall = divide(tp, tp + fn)
            x, y = (divide(fp, fp + tn), recall) if self.curve == "ROC" else (recall, divide(tp, tp + fp))
            heights = {
                "interpolation": (y[:-1] + y[1:]) / 2,
                "minoring": jnp.minimum(y[:-1], y[1:]),
                "majoring": jnp.maximum(y[:-1], y[1:]),
            }[self.summation_method]
            by_label = jnp.sum((x[:-1] - x[1:]) * heights, axis=0)
        if not self.multi_label:
            return by_label
        weights = jnp.ones(by_label.shape) if self.label_weights is None else jnp.asarray(self.label_weights, jnp.float32)
        return divide(jnp.sum(by_label * weights), jnp.sum(weights))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        # Keras writes its own thresholds only when they were given
        return {k: v for k, v in config.items() if k != "thresholds" or v is not None}


def _interpolated_pr(tp: jax.Array, fp: jax.Array, fn: jax.Array) -> jax.Array:
    """The area under the PR curve, precision interpolated between thresholds as the counts move linearly."""
    positives = tp + fp
    d_tp = tp[:-1] - tp[1:]
    slope = divide(d_tp, jnp.maximum(positives[:-1] - positives[1:], 0))
    intercept = tp[1:] - slope * positives[1:]
    ratio = jnp.where((positives[:-1] > 0) & (positives[1:] > 0), divide(positives[:-1], jnp.maximum(positives[1:], 0)), 1)
    area = divide(slope * (d_tp + intercept * jnp.log(ratio)), jnp.maximum(tp[1:] + fn[1:], 0))
    return jnp.sum(area, axis=0)
