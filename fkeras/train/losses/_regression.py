"""Losses of real-valued targets."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import optax

from ...core import register
from ...core.typing import Array, Num
from ._base import SUM_OVER_BATCH_SIZE, FunctionLoss
from ._frozen import DTypeSpec
from ._inputs import EPSILON, MODULE, loss_function


# ------------------------------------------------------------------ functions
@loss_function("mse", "MSE", elementwise=True)
def mean_squared_error(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""Mean squared error: $\frac1d \sum_i (y_i - \hat y_i)^2$ over the last axis.

    Args:
        y_true: targets `(…, d)`, any dtype.
        y_pred: predictions `(…, d)`, float.

    Returns:
        `(…)`, in the dtype of the predictions.

    >>> mean_squared_error(jnp.zeros((1, 2)), jnp.array([[1.0, 3.0]]))
    Array([5.], dtype=float32)
    """
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@loss_function("mae", "MAE", elementwise=True)
def mean_absolute_error(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""Mean absolute error: $\frac1d \sum_i |y_i - \hat y_i|$ over the last axis.

    >>> mean_absolute_error(jnp.zeros((1, 2)), jnp.array([[1.0, 3.0]]))
    Array([2.], dtype=float32)
    """
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@loss_function("mape", "MAPE", elementwise=True)
def mean_absolute_percentage_error(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""Mean error in per cent: $\frac{100}d \sum_i |y_i - \hat y_i| / \max(|y_i|, 10^{-7})$ over the last axis.

    >>> mean_absolute_percentage_error(jnp.full((1, 2), 2.0), jnp.ones((1, 2)))
    Array([50.], dtype=float32)
    """
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), EPSILON)), axis=-1)


@loss_function("msle", "MSLE", elementwise=True)
def mean_squared_logarithmic_error(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""Mean squared difference of $\log(1 + y)$ over the last axis; both are at least $10^{-7}$.

    >>> mean_squared_logarithmic_error(jnp.zeros((1, 2)), jnp.full((1, 2), jnp.e - 1)).round(4)
    Array([1.], dtype=float32)
    """
    log_true, log_pred = (jnp.log1p(jnp.maximum(y, EPSILON)) for y in (y_true, y_pred))
    return jnp.mean(jnp.square(log_pred - log_true), axis=-1)


@loss_function(elementwise=True)
def huber(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."], delta: float = 1.0) -> jax.Array:
    r"""$\frac12 e^2$ where $|e| \le \delta$, else $\delta |e| - \frac12 \delta^2$; the mean over the last axis.

    >>> huber(jnp.zeros((1, 1)), jnp.full((1, 1), 3.0))
    Array([2.5], dtype=float32)

    Reference: Huber, Robust Estimation of a Location Parameter (1964).
    """
    return jnp.mean(optax.huber_loss(y_pred, y_true, delta=delta), axis=-1)


@loss_function(elementwise=True)
def log_cosh(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""$\log \cosh(\hat y - y)$, the mean over the last axis: like `huber`, smooth everywhere.

    >>> print(f"{log_cosh(jnp.zeros((1, 1)), jnp.ones((1, 1)))[0]:.4f}")
    0.4338
    """
    return jnp.mean(optax.log_cosh(y_pred, y_true), axis=-1)


@loss_function()
def cosine_similarity(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."], axis: int = -1) -> jax.Array:
    r"""$-\cos(y, \hat y)$ along an axis: -1 for vectors that point the same way, 0 where either is 0.

    >>> cosine_similarity(jnp.array([[1.0, 0.0]]), jnp.array([[2.0, 0.0]]))
    Array([-1.], dtype=float32)

    Unlike Keras, the gradient at a vector of zeros is finite.
    """
    return -jnp.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(y: jax.Array, axis: int) -> jax.Array:
    # Keras's norm is at least 1e-7, so the square is at least 1e-14.
    return y * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(y), axis=axis, keepdims=True), EPSILON**2))


# ------------------------------------------------------------------ classes
@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class MeanSquaredError(FunctionLoss):
    """Mean squared error; see `mean_squared_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> MeanSquaredError()(jnp.zeros((2, 1)), jnp.full((2, 1), 2.0))
    Array(4., dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "mean_squared_error"
    dtype: DTypeSpec = None

    _function = staticmethod(mean_squared_error)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class MeanAbsoluteError(FunctionLoss):
    """Mean absolute error; see `mean_absolute_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> MeanAbsoluteError()(jnp.zeros((2, 1)), jnp.full((2, 1), 2.0))
    Array(2., dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "mean_absolute_error"
    dtype: DTypeSpec = None

    _function = staticmethod(mean_absolute_error)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class MeanAbsolutePercentageError(FunctionLoss):
    """Mean absolute error in per cent of the target; see `mean_absolute_percentage_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> MeanAbsolutePercentageError()(jnp.full((2, 1), 4.0), jnp.full((2, 1), 2.0))
    Array(50., dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "mean_absolute_percentage_error"
    dtype: DTypeSpec = None

    _function = staticmethod(mean_absolute_percentage_error)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean squared difference of `log(1 + y)`; see `mean_squared_logarithmic_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> MeanSquaredLogarithmicError()(jnp.ones((2, 1)), jnp.ones((2, 1)))
    Array(0., dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "mean_squared_logarithmic_error"
    dtype: DTypeSpec = None

    _function = staticmethod(mean_squared_logarithmic_error)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class LogCosh(FunctionLoss):
    """The mean of `log(cosh(y_pred - y_true))`; see `log_cosh`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> print(f"{LogCosh()(jnp.zeros((2, 1)), jnp.ones((2, 1))):.4f}")
    0.4338

    Reference: https://keras.io/api/losses/regression_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "log_cosh"
    dtype: DTypeSpec = None

    _function = staticmethod(log_cosh)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class Huber(FunctionLoss):
    """Quadratic for small errors, linear for large ones; see `huber`.

    Args:
        delta: the error at which the one becomes the other.
        reduction, name, dtype: see `Loss`.

    >>> Huber(delta=1.0)(jnp.zeros((2, 1)), jnp.full((2, 1), 3.0))
    Array(2.5, dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    Unlike Keras's, the config keeps `delta` (where it is not 1.0); Keras reads it.
    """

    delta: float = 1.0
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "huber_loss"
    dtype: DTypeSpec = None

    _function = staticmethod(huber)
    _keras_forgets = ("delta",)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CosineSimilarity(FunctionLoss):
    """The negative cosine of the angle between targets and predictions; see `cosine_similarity`.

    Args:
        axis: the axis along which they are vectors.
        reduction, name, dtype: see `Loss`.

    >>> CosineSimilarity()(jnp.array([[1.0, 0.0]]), jnp.array([[2.0, 0.0]]))
    Array(-1., dtype=float32)

    Reference: https://keras.io/api/losses/regression_losses/
    Unlike Keras's, the config keeps `axis` (where it is not -1); Keras reads it.
    """

    axis: int = -1
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "cosine_similarity"
    dtype: DTypeSpec = None

    _function = staticmethod(cosine_similarity)
    _keras_forgets = ("axis",)
