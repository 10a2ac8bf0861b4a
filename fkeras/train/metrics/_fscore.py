"""F scores: precision and recall of each class in one number."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from ...core import did_you_mean, explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._frozen import DTypeSpec
from ..losses._inputs import EPSILON
from ._base import Metric, State, register_metric
from ._weights import weights_like

AVERAGES = (None, "micro", "macro", "weighted")
COUNTS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FScore(Metric):
    """What both F scores share; `beta` is a field of one, and 1 in the other."""

    goal = "max"

    average: str | None = None
    threshold: float | None = None
    beta: float = 1.0
    num_classes: int | None = None

    _not_keras = ("num_classes",)

    def __post_init__(self) -> None:
        super().__post_init__()
        cls = type(self).__name__
        if self.average not in AVERAGES:
            raise ValueError(
                explain(
                    f"{cls} got an unknown average {self.average!r}.",
                    received=repr(self.average),
                    usually=did_you_mean(self.average, [str(a) for a in AVERAGES]),
                    write=f'{cls}(average="macro")',
                )
            )
        if not self.beta > 0:
            raise ValueError(
                explain(f"{cls} needs beta > 0.", received=f"beta={self.beta!r}", write=f"{cls}(beta=1.0)")
            )
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(
                explain(
                    f"{cls} needs a threshold in (0, 1].",
                    received=f"threshold={self.threshold!r}",
                    usually="predictions that are logits; pass them through a sigmoid first.",
                    write=f"{cls}(threshold=0.5)",
                )
            )

    def sized_for(self, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Metric:
        if self.num_classes is not None or not y_pred:
            return self
        return dataclasses.replace(self, num_classes=y_pred[-1])  # type: ignore[type-var]  # each subclass is a dataclass

    def empty(self) -> State:
        shape = () if self.average == "micro" or self.num_classes is None else (self.num_classes,)
        return {name: jnp.zeros(shape, self._compute_dtype) for name in COUNTS}

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        y_true, y_pred = (jnp.asarray(y).astype(self._compute_dtype) for y in (y_true, y_pred))
        if y_true.ndim != 2 or y_true.shape != y_pred.shape:
            raise ValueError(
                explain(
                    f"{type(self).__name__} needs targets and predictions of one shape (batch, classes).",
                    received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                    usually="targets that are class numbers.",
                    write="jax.nn.one_hot(y_true, classes)",
                )
            )
        if self.threshold is None:
            called = (y_pred >= y_pred.max(axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            called = y_pred > self.threshold
        called = called.astype(self._compute_dtype)
        weights = weights_like(y_pred, sample_weight, mask, self._compute_dtype)
        axis = None if self.average == "micro" else 0
        parts = (called * y_true, called * (1 - y_true), (1 - called) * y_true, y_true)
        sums = (jnp.sum(jnp.where(weights != 0, f * weights, 0), axis=axis) for f in parts)
        return {name: state[name] + s for name, s in zip(COUNTS, sums, strict=True)}

    def compute(self, state: State) -> jax.Array:
        tp, fp, fn, weights = (state[name] for name in COUNTS)
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        square = self.beta**2
        score = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average is None:
            return score
        if self.average == "weighted":
            return jnp.sum(score * weights / (jnp.sum(weights) + EPSILON))
        return jnp.mean(score)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class FBetaScore(FScore):
    r"""$(1 + \beta^2) P R / (\beta^2 P + R)$ of precision and recall, for each class or averaged.

    Args:
        average: `None` (one score a class), `"micro"` (of all counts together), `"macro"` (the mean), or
            `"weighted"` (the mean weighted by how often a class occurs).
        beta: how much more recall counts than precision.
        threshold: above which, strictly, a prediction is positive; by default the largest of a row is.
        name: the name in the logs.
        dtype: what it counts in; float32 by default.
        num_classes: the number of classes, read off the data by default (a state that goes through `jax.lax.scan`
            needs it). Not in Keras, and not in the config.

    Raises:
        ValueError: an unknown average, a beta or a threshold out of range.

    >>> metric = FBetaScore(average="macro", beta=2.0)
    >>> y_pred = jnp.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1, 0], [0, 1], [0, 1]]), y_pred)).round(3)
    Array(0.694, dtype=float32)

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    average: str | None = None
    beta: float = 1.0
    threshold: float | None = None
    name: str | None = "fbeta_score"
    dtype: DTypeSpec = None
    num_classes: int | None = None


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class F1Score(FScore):
    r"""$2 P R / (P + R)$ of precision and recall, for each class or averaged.

    Args:
        average, threshold: as for `FBetaScore`.
        name: the name in the logs.
        dtype: what it counts in; float32 by default.
        num_classes: as for `FBetaScore`.

    Raises:
        ValueError: an unknown average, or a threshold out of range.

    >>> metric = F1Score()
    >>> y_pred = jnp.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> scores = metric.compute(metric.update(metric.empty(), jnp.array([[1, 0], [0, 1], [0, 1]]), y_pred))
    >>> print(f"{scores[0]:.3f} {scores[1]:.3f}")
    0.667 0.667

    Reference: https://keras.io/api/metrics/classification_metrics/
    """

    average: str | None = None
    threshold: float | None = None
    name: str | None = "f1_score"
    dtype: DTypeSpec = None
    num_classes: int | None = None
