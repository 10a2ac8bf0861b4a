"""Intersection over union, from a confusion matrix."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._frozen import DTypeSpec, set_fields
from ..losses._inputs import EPSILON, match_ranks
from ._base import Metric, State, register_metric
from ._weights import weights_like


class ConfusionMatrixMetric(Metric):
    """A matrix of how often each class (row) was called each class (column), and what is made of it."""

    goal = "max"

    _default_dtype = "int32"

    num_classes: int
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1

    def classes(self) -> tuple[int, ...]:
        """The classes to average over."""
        return tuple(range(self.num_classes))

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen = getattr(self, "target_class_ids", None)
        if chosen is not None:  # a config has a list, which does not hash
            set_fields(self, target_class_ids=tuple(np.asarray(chosen).tolist()))
        out = [c for c in self.classes() if not 0 <= c < self.num_classes]
        if out:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: the target class {out[0]} is none of {self.num_classes} classes.",
                    received=f"target_class_ids={list(self.classes())}, num_classes={self.num_classes}",
                    usually="classes counted from 1.",
                    write=f"target_class_ids between 0 and {self.num_classes - 1}",
                )
            )

    def empty(self) -> State:
        return {"confusion_matrix": jnp.zeros((self.num_classes, self.num_classes), self._compute_dtype)}

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        y_true = (y_true if self.sparse_y_true else y_true.argmax(self.axis)).astype(jnp.int32)
        y_pred = (y_pred if self.sparse_y_pred else y_pred.argmax(self.axis)).astype(jnp.int32)
        y_true, y_pred = match_ranks(y_true, y_pred)
        if y_true.size != y_pred.size:
            raise ValueError(
                explain(
                    f"{type(self).__name__} needs one class number for each prediction.",
                    received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                    usually="targets or predictions with an axis of classes.",
                    write="sparse_y_true=False or sparse_y_pred=False for those",
                )
            )
        weights = weights_like(y_true, sample_weight, mask).astype(self._compute_dtype)
        is_class = (y_true >= 0) & (y_true < self.num_classes)
        if self.ignore_class is not None:
            is_class &= y_true != self.ignore_class
        y_true, y_pred, weights, is_class = (a.reshape(-1) for a in (y_true, y_pred, weights, is_class))
        is_class &= (y_pred >= 0) & (y_pred < self.num_classes)
        cell = jnp.where(is_class, y_true * self.num_classes + y_pred, 0)
        counts = jax.ops.segment_sum(jnp.where(is_class, weights, 0), cell, self.num_classes**2)
        return {"confusion_matrix": state["confusion_matrix"] + counts.reshape(self.num_classes, self.num_classes)}

    def compute(self, state: State) -> jax.Array:
        matrix = state["confusion_matrix"]
        both = jnp.diagonal(matrix)
        either = matrix.sum(axis=0) + matrix.sum(axis=1) - both
        chosen = jnp.asarray(self.classes(), jnp.int32)
        both, either = (jnp.take(a, chosen).astype(jnp.float32) for a in (both, either))
        seen = either > 1e-9
        iou = jnp.where(seen, both / (either + EPSILON), 0)
        return jnp.sum(iou) / (jnp.sum(seen.astype(jnp.float32)) + EPSILON)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class IoU(ConfusionMatrixMetric):
    """Intersection over union of some classes: what is both, over what is either, averaged.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to average over.
        name: the name in the logs.
        dtype: the dtype of the matrix; int32 by default.
        ignore_class: a class that does not count.
        sparse_y_true: whether targets are class numbers, and not one-hot.
        sparse_y_pred: whether predictions are class numbers, and not probabilities.
        axis: the axis of the classes, where there is one.

    >>> metric = IoU(2, [0])
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 0, 1]))).round(4)
    Array(0.3333, dtype=float32)

    Reference: https://keras.io/api/metrics/segmentation_metrics/
    As in Keras, weights are cut to integers unless `dtype` is a float. Unlike in Keras, weights `(batch,)` weigh
    whole images.
    """

    num_classes: int
    target_class_ids: Sequence[int]
    name: str | None = None
    dtype: DTypeSpec = None
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1

    def classes(self) -> tuple[int, ...]:
        return tuple(self.target_class_ids)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class BinaryIoU(ConfusionMatrixMetric):
    """Intersection over union of class 0 and class 1, for predictions in [0, 1].

    Args:
        target_class_ids: the classes to average over.
        threshold: at which, or above, a prediction is class 1.
        name: the name in the logs.
        dtype: the dtype of the matrix; int32 by default.

    >>> metric = BinaryIoU()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.5, 0.3, 0.9]))).round(4)
    Array(0.3333, dtype=float32)

    Reference: https://keras.io/api/metrics/segmentation_metrics/
    As in Keras, weights are cut to integers unless `dtype` is a float. Unlike in Keras, weights `(batch,)` weigh
    whole images.
    """

    target_class_ids: Sequence[int] = (0, 1)
    threshold: float = 0.5
    name: str | None = None
    dtype: DTypeSpec = None

    num_classes = 2  # not a field, since Keras's constructor does not take it

    def classes(self) -> tuple[int, ...]:
        return tuple(self.target_class_ids)

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        called = jnp.asarray(y_pred).astype(jnp.float32) >= self.threshold
        return super().update(state, y_true, called, sample_weight, mask)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class MeanIoU(ConfusionMatrixMetric):
    """Intersection over union, averaged over all classes that occur.

    Args:
        num_classes: how many classes there are.
        name: the name in the logs.
        dtype: the dtype of the matrix; int32 by default.
        ignore_class: a class that does not count.
        sparse_y_true: whether targets are class numbers, and not one-hot.
        sparse_y_pred: whether predictions are class numbers, and not probabilities.
        axis: the axis of the classes, where there is one.

    >>> metric = MeanIoU(2)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 0, 1]))).round(4)
    Array(0.3333, dtype=float32)

    Reference: https://keras.io/api/metrics/segmentation_metrics/
    As in Keras, weights are cut to integers unless `dtype` is a float. Unlike in Keras, weights `(batch,)` weigh
    whole images.
    """

    num_classes: int
    name: str | None = None
    dtype: DTypeSpec = None
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class OneHotIoU(ConfusionMatrixMetric):
    """Intersection over union of some classes, for one-hot targets.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to average over.
        name: the name in the logs.
        dtype: the dtype of the matrix; int32 by default.
        ignore_class: a class that does not count.
        sparse_y_pred: whether predictions are class numbers, and not probabilities.
        axis: the axis of the classes, where there is one.

    >>> metric = OneHotIoU(2, [0])
    >>> y_true, y_pred = jax.nn.one_hot(jnp.array([[0, 0, 1, 1], [0, 1, 0, 1]]), 2)
    >>> metric.compute(metric.update(metric.empty(), y_true, y_pred)).round(4)
    Array(0.3333, dtype=float32)

    Reference: https://keras.io/api/metrics/segmentation_metrics/
    As in Keras, weights are cut to integers unless `dtype` is a float. Unlike in Keras, weights `(batch,)` weigh
    whole images.
    """

    num_classes: int
    target_class_ids: Sequence[int]
    name: str | None = None
    dtype: DTypeSpec = None
    ignore_class: int | None = None
    sparse_y_pred: bool = False
    axis: int = -1

    def classes(self) -> tuple[int, ...]:
        return tuple(self.target_class_ids)

    @property
    def sparse_y_true(self) -> bool:  # type: ignore[override]
        return False


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class OneHotMeanIoU(ConfusionMatrixMetric):
    """Intersection over union, averaged over all classes that occur, for one-hot targets.

    Args:
        num_classes: how many classes there are.
        name: the name in the logs.
        dtype: the dtype of the matrix; int32 by default.
        ignore_class: a class that does not count.
        sparse_y_pred: whether predictions are class numbers, and not probabilities.
        axis: the axis of the classes, where there is one.

    >>> metric = OneHotMeanIoU(2)
    >>> y_true, y_pred = jax.nn.one_hot(jnp.array([[0, 0, 1, 1], [0, 1, 0, 1]]), 2)
    >>> metric.compute(metric.update(metric.empty(), y_true, y_pred)).round(4)
    Array(0.3333, dtype=float32)

    Reference: https://keras.io/api/metrics/segmentation_metrics/
    As in Keras, weights are cut to integers unless `dtype` is a float. Unlike in Keras, weights `(batch,)` weigh
    whole images.
    """

    num_classes: int
    name: str | None = None
    dtype: DTypeSpec = None
    ignore_class: int | None = None
    sparse_y_pred: bool = False
    axis: int = -1

    @property
    def sparse_y_true(self) -> bool:  # type: ignore[override]
        return False
