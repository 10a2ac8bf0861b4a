"""Accuracies."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from .. import losses
from ._base import State, register_metric
from ._reduction import _Average


class _Accuracy(_Average):
    """The mean of `matches(y_true, y_pred)`."""

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        raise NotImplementedError

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> State:
        values = self.matches(jnp.asarray(y_true), jnp.asarray(y_pred, jnp.float32))
        return self._add(state, values, sample_weight, mask)


def _labels(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    """Class numbers without a last axis of 1."""
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        return y_true[..., 0]
    return y_true


def _in_top(labels: jax.Array, y_pred: jax.Array, k: int) -> jax.Array:
    """Whether fewer than `k` predictions are larger than the label's."""
    labels = labels.astype(jnp.int32)
    own = jnp.take_along_axis(y_pred, labels[..., None], axis=-1)
    finite = jnp.isfinite(own[..., 0])
    return ((y_pred > own).sum(-1) < k) & finite


@register_metric("accuracy", "acc")
@dataclasses.dataclass(frozen=True)
class Accuracy(_Accuracy):
    """How often predictions equal targets.

    >>> metric = Accuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 2]), jnp.array([1.0, 3.0])))
    Array(0.5, dtype=float32)
    """

    name: str | None = "accuracy"

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y_true, y_pred = losses.same_rank(y_true, y_pred)
        return jnp.mean((y_true == y_pred).astype(jnp.float32), axis=-1) if y_true.ndim > 1 else y_true == y_pred


@register_metric("binary_accuracy")
@dataclasses.dataclass(frozen=True)
class BinaryAccuracy(_Accuracy):
    """How often `y_pred > threshold` equals the target.

    Args:
        threshold: above which a prediction is a yes.

    >>> metric = BinaryAccuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1, 0]), jnp.array([0.9, 0.8])))
    Array(0.5, dtype=float32)
    """

    name: str | None = "binary_accuracy"
    dtype: Any = None
    threshold: float = 0.5

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        y_true, y_pred = losses.same_rank(y_true, y_pred)
        right = (y_true == (y_pred > self.threshold).astype(y_true.dtype)).astype(jnp.float32)
        return jnp.mean(right, axis=-1) if right.ndim > 1 else right


@register_metric("categorical_accuracy")
@dataclasses.dataclass(frozen=True)
class CategoricalAccuracy(_Accuracy):
    """How often the largest prediction is at the largest target.

    >>> metric = CategoricalAccuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)
    """

    name: str | None = "categorical_accuracy"

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return y_true.argmax(-1) == y_pred.argmax(-1)


@register_metric("sparse_categorical_accuracy")
@dataclasses.dataclass(frozen=True)
class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest prediction is at the target's class number.

    >>> metric = SparseCategoricalAccuracy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)
    """

    name: str | None = "sparse_categorical_accuracy"

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return _labels(y_true, y_pred).astype(jnp.int32) == y_pred.argmax(-1)


@register_metric("top_k_categorical_accuracy")
@dataclasses.dataclass(frozen=True, init=False)
class TopKCategoricalAccuracy(_Accuracy):
    """How often the target's class is among the `k` largest predictions.

    Args:
        k: how many predictions to look at.

    >>> metric = TopKCategoricalAccuracy(k=1)
    >>> metric.compute(metric.update(metric.empty(), jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)
    """

    k: int = 5

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        for field, value in (("k", k), ("name", name), ("dtype", dtype)):
            object.__setattr__(self, field, value)

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return _in_top(y_true.argmax(-1), y_pred, self.k)


@register_metric("sparse_top_k_categorical_accuracy")
@dataclasses.dataclass(frozen=True, init=False)
class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often the target's class number is among the `k` largest predictions.

    Args:
        k: how many predictions to look at.
        from_sorted_ids: whether the predictions are class numbers, best first.

    >>> metric = SparseTopKCategoricalAccuracy(k=1)
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.6, 0.4]])))
    Array(0.5, dtype=float32)
    """

    k: int = 5
    from_sorted_ids: bool = False

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        for field, value in (("k", k), ("name", name), ("dtype", dtype), ("from_sorted_ids", from_sorted_ids)):
            object.__setattr__(self, field, value)

    def matches(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        labels = _labels(y_true, y_pred)
        if self.from_sorted_ids:
            return (labels[..., None].astype(y_pred.dtype) == y_pred[..., : self.k]).any(-1)
        return _in_top(labels, y_pred, self.k)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {k: v for k, v in config.items() if k != "from_sorted_ids" or v}  # Keras's config has it not
