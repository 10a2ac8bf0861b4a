"""Margin losses."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from ...core import register
from ._base import MODULE, Loss, same_rank


def _signs(y_true: jax.Array) -> jax.Array:
    """Labels 0 and 1 as -1 and 1; other labels as they are, decided for the whole array as in Keras."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)


@register(MODULE)
def hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(max(1 - y_true y_pred, 0))` over the last axis; labels are -1 and 1, or 0 and 1.

    >>> hinge(jnp.array([[1.0]]), jnp.array([[0.5]]))
    Array([0.5], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


@register(MODULE)
def squared_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(max(1 - y_true y_pred, 0)^2)` over the last axis.

    >>> squared_hinge(jnp.array([[1.0]]), jnp.array([[0.5]]))
    Array([0.25], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


@register(MODULE)
def categorical_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)` for one-hot targets.

    >>> categorical_hinge(jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.25]]))
    Array([0.75], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    positive = jnp.sum(y_true * y_pred, axis=-1)
    negative = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(negative - positive + 1, 0)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class Hinge(Loss):
    """The hinge loss.

    >>> Hinge()(jnp.array([[1.0]]), jnp.array([[0.5]]))
    Array(0.5, dtype=float32)
    """

    name: str | None = "hinge"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return hinge(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class SquaredHinge(Loss):
    """The squared hinge loss.

    >>> SquaredHinge()(jnp.array([[1.0]]), jnp.array([[0.5]]))
    Array(0.25, dtype=float32)
    """

    name: str | None = "squared_hinge"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return squared_hinge(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class CategoricalHinge(Loss):
    """The hinge loss of one-hot targets.

    >>> CategoricalHinge()(jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.25]]))
    Array(0.75, dtype=float32)
    """

    name: str | None = "categorical_hinge"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return categorical_hinge(y_true, y_pred)
