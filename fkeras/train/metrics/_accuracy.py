"""Accuracies: how often predictions are right."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp  # noqa: F401 - the examples use it

from ..losses._frozen import DTypeSpec
from ._accuracy_functions import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from ._base import register_metric
from ._reduction import FunctionMetric


@register_metric("acc")
@dataclasses.dataclass(frozen=True, eq=False)
class Accuracy(FunctionMetric):
    """How often predictions equal targets.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = Accuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 2]), jnp.array([1, 3])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/accuracy_metrics/
    In `compile`, `"accuracy"` means one of the three below, by the shapes; see `resolve`.
    """

    goal = "max"

    name: str | None = "accuracy"
    dtype: DTypeSpec = None

    _function = staticmethod(accuracy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class BinaryAccuracy(FunctionMetric):
    """How often `y_pred > threshold` equals the target, 0 or 1.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        threshold: above which, strictly, a prediction is a yes.

    >>> metric = BinaryAccuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 0]), jnp.array([0.9, 0.8])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/accuracy_metrics/
    """

    goal = "max"

    name: str | None = "binary_accuracy"
    dtype: DTypeSpec = None
    threshold: float = 0.5

    _function = staticmethod(binary_accuracy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is at the largest target.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = CategoricalAccuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/accuracy_metrics/
    """

    goal = "max"

    name: str | None = "categorical_accuracy"
    dtype: DTypeSpec = None

    _function = staticmethod(categorical_accuracy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class SparseCategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is at the target's class number.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = SparseCategoricalAccuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/accuracy_metrics/
    """

    goal = "max"

    name: str | None = "sparse_categorical_accuracy"
    dtype: DTypeSpec = None

    _function = staticmethod(sparse_categorical_accuracy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class TopKCategoricalAccuracy(FunctionMetric):
    """How often the target's class is among the `k` largest predictions.

    Args:
        k: how many predictions to look at.
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = TopKCategoricalAccuracy(k=1)
    >>> metric.compute(metric.update(metric.empty(), jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/accuracy_metrics/
    """

    goal = "max"

    k: int = 5
    name: str | None = "top_k_categorical_accuracy"
    dtype: DTypeSpec = None

    _function = staticmethod(top_k_categorical_accuracy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the target's class number is among the `k` largest predictions.

    Args:
        k: how many predictions to look at.
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        from_sorted_ids: whether the predictions are class numbers, the likeliest first.

    >>> metric = SparseTopKCategoricalAccuracy(k=1)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/accuracy_metrics/
    """

    goal = "max"

    k: int = 5
    name: str | None = "sparse_top_k_categorical_accuracy"
    dtype: DTypeSpec = None
    from_sorted_ids: bool = False

    _function = staticmethod(sparse_top_k_categorical_accuracy)
    _keras_forgets = ("from_sorted_ids",)
