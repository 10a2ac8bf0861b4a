"""Losses of real-valued targets."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ...core import register
from ._base import MODULE, Loss, same_rank

# Keras's epsilon, the least a denominator or logarithm sees.
EPSILON = 1e-7


@register(MODULE, aliases=("mse", "MSE"))
def mean_squared_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean((y_true - y_pred)^2)` over the last axis.

    >>> mean_squared_error(jnp.zeros((1, 2)), jnp.ones((1, 2)))
    Array([1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@register(MODULE, aliases=("mae", "MAE"))
def mean_absolute_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(|y_true - y_pred|)` over the last axis.

    >>> mean_absolute_error(jnp.zeros((1, 2)), jnp.ones((1, 2)))
    Array([1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@register(MODULE, aliases=("mape", "MAPE"))
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))` over the last axis.

    >>> mean_absolute_percentage_error(jnp.full((1, 2), 2.0), jnp.ones((1, 2)))
    Array([50.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), EPSILON)), axis=-1)


@register(MODULE, aliases=("msle", "MSLE"))
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean((log(1 + y_true) - log(1 + y_pred))^2)` over the last axis; both are at least 1e-7.

    >>> mean_squared_logarithmic_error(jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    Array([0.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    # log(max(y, eps) + 1), not log1p: Keras's rounding
    logs = [jnp.log(jnp.maximum(y, EPSILON) + 1.0) for y in (y_true, y_pred)]
    return jnp.mean(jnp.square(logs[0] - logs[1]), axis=-1)


@register(MODULE)
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> jax.Array:
    """`d^2 / 2` where `|d| <= delta`, else `delta |d| - delta^2 / 2`; mean over the last axis.

    >>> huber(jnp.zeros((1, 1)), jnp.full((1, 1), 3.0))
    Array([2.5], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(optax.huber_loss(y_pred, y_true, delta=delta), axis=-1)


@register(MODULE, aliases=("logcosh",))
def log_cosh(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis.

    >>> log_cosh(jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    Array([0.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(optax.log_cosh(y_pred, y_true), axis=-1)


@register(MODULE)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """`-cos(y_true, y_pred)` along an axis: -1 for vectors that point the same way.

    >>> cosine_similarity(jnp.ones((1, 2)), jnp.ones((1, 2)))
    Array([-1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)

    def unit(y: jax.Array) -> jax.Array:
        return y * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(y), axis=axis, keepdims=True), 1e-12))

    return -jnp.sum(unit(y_true) * unit(y_pred), axis=axis)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class MeanSquaredError(Loss):
    """`mean((y_true - y_pred)^2)`, reduced over the batch.

    >>> MeanSquaredError()(jnp.zeros((2, 1)), jnp.full((2, 1), 2.0))
    Array(4., dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    """

    name: str | None = "mean_squared_error"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return mean_squared_error(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """`mean(|y_true - y_pred|)`, reduced over the batch.

    >>> MeanAbsoluteError()(jnp.zeros((2, 1)), jnp.full((2, 1), 2.0))
    Array(2., dtype=float32)
    """

    name: str | None = "mean_absolute_error"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return mean_absolute_error(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class MeanAbsolutePercentageError(Loss):
    """The mean absolute error in per cent of the target.

    >>> MeanAbsolutePercentageError()(jnp.full((2, 1), 4.0), jnp.full((2, 1), 2.0))
    Array(50., dtype=float32)
    """

    name: str | None = "mean_absolute_percentage_error"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return mean_absolute_percentage_error(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class MeanSquaredLogarithmicError(Loss):
    """The mean squared difference of `log(1 + y)`.

    >>> MeanSquaredLogarithmicError()(jnp.ones((2, 1)), jnp.ones((2, 1)))
    Array(0., dtype=float32)
    """

    name: str | None = "mean_squared_logarithmic_error"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return mean_squared_logarithmic_error(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class LogCosh(Loss):
    """The mean of `log(cosh(y_pred - y_true))`.

    >>> LogCosh()(jnp.zeros((2, 1)), jnp.zeros((2, 1)))
    Array(0., dtype=float32)
    """

    name: str | None = "log_cosh"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return log_cosh(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class Huber(Loss):
    """Quadratic for small errors, linear for large ones.

    Args:
        delta: where the one becomes the other.

    >>> Huber(delta=1.0)(jnp.zeros((2, 1)), jnp.full((2, 1), 3.0))
    Array(2.5, dtype=float32)

    Reference: Huber, Robust Estimation of a Location Parameter (1964).
    Unlike Keras the config keeps `delta`.
    """

    delta: float = 1.0

    def __init__(
        self, delta: float = 1.0, reduction: Any = "sum_over_batch_size", name: str = "huber_loss", dtype: Any = None
    ) -> None:
        fill(self, delta=delta, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return huber(y_true, y_pred, self.delta)


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class CosineSimilarity(Loss):
    """The negative cosine of the angle between targets and predictions.

    Args:
        axis: along which they are vectors.

    >>> CosineSimilarity()(jnp.ones((2, 3)), jnp.ones((2, 3))).round(4)
    Array(-1., dtype=float32)

    Unlike Keras the config keeps `axis`.
    """

    axis: int = -1

    def __init__(
        self, axis: int = -1, reduction: Any = "sum_over_batch_size", name: str = "cosine_similarity", dtype: Any = None
    ) -> None:
        fill(self, axis=axis, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return cosine_similarity(y_true, y_pred, self.axis)


def fill(loss: Loss, **values: Any) -> None:
    """Set a frozen loss's fields, from a constructor that has Keras's order of arguments."""
    for name, value in values.items():
        object.__setattr__(loss, name, value)
    loss.__post_init__()
