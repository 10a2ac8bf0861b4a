"""Accuracies as functions: 1.0 where a prediction is right, 0.0 elsewhere."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import explain, register
from ...core.typing import ArrayLike, Shaped
from ..losses._inputs import check_shapes, match_ranks
from ._base import FUNCTIONS
from ._ranks import is_among, is_first


@register(FUNCTIONS)
def accuracy(y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."]) -> jax.Array:
    """Where predictions equal targets.

    >>> accuracy(jnp.array([1, 2]), jnp.array([1, 3]))
    Array([1., 0.], dtype=float32)
    """
    y_true, y_pred = _pair("accuracy", y_true, y_pred)
    return _ones(y_true.astype(y_pred.dtype) == y_pred)


@register(FUNCTIONS)
def binary_accuracy(
    y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."], threshold: float = 0.5
) -> jax.Array:
    """Where `y_pred > threshold`, strictly, equals the target, 0 or 1.

    >>> binary_accuracy(jnp.array([[1], [0]]), jnp.array([[0.9], [0.8]]))
    Array([[1.],
           [0.]], dtype=float32)
    """
    y_true, y_pred = _pair("binary_accuracy", y_true, y_pred)
    return _ones(y_true == (y_pred > threshold).astype(y_true.dtype))


@register(FUNCTIONS)
def categorical_accuracy(y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."]) -> jax.Array:
    """Where the largest prediction is at the largest target; both are `(…, classes)`.

    >>> categorical_accuracy(jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]]))
    Array([1., 0.], dtype=float32)
    """
    y_true, y_pred = _one_hot_pair("categorical_accuracy", y_true, y_pred)
    return _ones(is_first(y_true.argmax(-1), y_pred))


@register(FUNCTIONS)
def sparse_categorical_accuracy(
    y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."]
) -> jax.Array:
    """Where the largest prediction is at the target's class number.

    Args:
        y_true: class numbers `(…)`, or `(…, 1)`.
        y_pred: predictions `(…, classes)`.

    Returns:
        Ones and zeros, of the shape of the class numbers.

    >>> sparse_categorical_accuracy(jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.6, 0.4]]))
    Array([1., 0.], dtype=float32)
    """
    labels, y_pred = _labelled("sparse_categorical_accuracy", y_true, y_pred)
    right = _ones(is_first(labels, y_pred))
    return right[..., 0] if right.ndim > 1 and right.shape[-1] == 1 else right


@register(FUNCTIONS)
def top_k_categorical_accuracy(
    y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."], k: int = 5
) -> jax.Array:
    """Where fewer than `k` predictions are larger than the target's; both are `(…, classes)`.

    >>> top_k_categorical_accuracy(jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]]), k=2)
    Array([1., 1.], dtype=float32)
    """
    y_true, y_pred = _one_hot_pair("top_k_categorical_accuracy", y_true, y_pred)
    return _ones(is_among(y_true.argmax(-1), y_pred, k))


@register(FUNCTIONS)
def sparse_top_k_categorical_accuracy(
    y_true: Shaped[ArrayLike, "batch ..."],
    y_pred: Shaped[ArrayLike, "batch ..."],
    k: int = 5,
    from_sorted_ids: bool = False,
) -> jax.Array:
    """Where fewer than `k` predictions are larger than that of the target's class number.

    Args:
        y_true: class numbers `(…)`, or `(…, 1)`.
        y_pred: predictions `(…, classes)`.
        k: how many to look at.
        from_sorted_ids: whether the predictions are class numbers, the likeliest first.

    Returns:
        Ones and zeros, of the shape of the class numbers.

    >>> sparse_top_k_categorical_accuracy(jnp.array([2]), jnp.array([[1, 2, 0]]), k=2, from_sorted_ids=True)
    Array([1.], dtype=float32)
    """
    labels, y_pred = _labelled("sparse_top_k_categorical_accuracy", y_true, y_pred)
    if from_sorted_ids:
        return _ones((labels[..., None].astype(y_pred.dtype) == y_pred[..., :k]).any(-1))
    return _ones(is_among(labels, y_pred, k))


# ------------------------------------------------------------------ helpers
def _ones(right: jax.Array) -> jax.Array:
    return right.astype(jnp.float32)


def _pair(
    name: str, y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."]
) -> tuple[jax.Array, jax.Array]:
    y_true, y_pred = match_ranks(jnp.asarray(y_true), jnp.asarray(y_pred))
    check_shapes(name, y_true, y_pred)
    return y_true, y_pred


def _one_hot_pair(
    name: str, y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."]
) -> tuple[jax.Array, jax.Array]:
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            explain(
                f"{name} needs one-hot targets, of the shape of the predictions.",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="the targets are class numbers.",
                write=f'metrics=["sparse_{name}"], or metrics=["accuracy"], which looks at the shapes',
            )
        )
    return y_true, y_pred


def _labelled(
    name: str, y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."]
) -> tuple[jax.Array, jax.Array]:
    """Class numbers without a last axis of 1, and predictions with one axis more."""
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    labels = y_true[..., 0] if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
    if labels.shape != y_pred.shape[:-1]:
        raise ValueError(
            explain(
                f"{name} needs one class number for each prediction.",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="the targets are one-hot." if y_true.shape == y_pred.shape else "targets of another length.",
                write=f'metrics=["{name.removeprefix("sparse_")}"], or metrics=["accuracy"], which looks at the shapes',
            )
        )
    return labels, y_pred
