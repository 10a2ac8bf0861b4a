"""Metrics of real-valued targets."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from ...core.typing import ArrayLike, Num, Shaped
from .. import losses
from ..losses._frozen import DTypeSpec
from ..losses._inputs import check_shapes, match_ranks
from ._base import State, register_metric
from ._reduction import Averaged, FunctionMetric


@register_metric("mse", "MSE")
@dataclasses.dataclass(frozen=True, eq=False)
class MeanSquaredError(FunctionMetric):
    """The mean squared error; see `fk.losses.mean_squared_error`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = MeanSquaredError()
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros((2, 1)), jnp.full((2, 1), 3.0)))
    Array(9., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "min"

    name: str | None = "mean_squared_error"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.mean_squared_error)


@register_metric("mae", "MAE")
@dataclasses.dataclass(frozen=True, eq=False)
class MeanAbsoluteError(FunctionMetric):
    """The mean absolute error; see `fk.losses.mean_absolute_error`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = MeanAbsoluteError()
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros((2, 1)), jnp.full((2, 1), 3.0)))
    Array(3., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "min"

    name: str | None = "mean_absolute_error"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.mean_absolute_error)


@register_metric("mape", "MAPE")
@dataclasses.dataclass(frozen=True, eq=False)
class MeanAbsolutePercentageError(FunctionMetric):
    """The mean error in per cent of the target; see `fk.losses.mean_absolute_percentage_error`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = MeanAbsolutePercentageError()
    >>> metric.compute(metric.update(metric.empty(), jnp.full((2, 1), 4.0), jnp.full((2, 1), 3.0)))
    Array(25., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "min"

    name: str | None = "mean_absolute_percentage_error"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.mean_absolute_percentage_error)


@register_metric("msle", "MSLE")
@dataclasses.dataclass(frozen=True, eq=False)
class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean squared difference of `log(1 + y)`; see `fk.losses.mean_squared_logarithmic_error`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = MeanSquaredLogarithmicError()
    >>> metric.compute(metric.update(metric.empty(), jnp.full((2, 1), 3.0), jnp.full((2, 1), 3.0)))
    Array(0., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "min"

    name: str | None = "mean_squared_logarithmic_error"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.mean_squared_logarithmic_error)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class LogCoshError(FunctionMetric):
    """The mean of `log(cosh(error))`; see `fk.losses.log_cosh`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = LogCoshError()
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros((2, 1)), jnp.zeros((2, 1))))
    Array(0., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "min"

    name: str | None = "logcosh"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.log_cosh)


def _cosine(
    y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."], axis: int = -1
) -> jax.Array:
    return -losses.cosine_similarity(y_true, y_pred, axis)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class CosineSimilarity(FunctionMetric):
    """The cosine of the angle between targets and predictions: 1 where they point the same way.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        axis: the axis along which they are vectors.

    >>> metric = CosineSimilarity()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1.0, 0.0]]), jnp.array([[2.0, 0.0]])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    The sign is the other way round from the loss's. Unlike Keras's, the config keeps `axis` (where it is not -1).
    """

    goal = "max"

    name: str | None = "cosine_similarity"
    dtype: DTypeSpec = None
    axis: int = -1

    _function = staticmethod(_cosine)
    _keras_forgets = ("axis",)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class RootMeanSquaredError(Averaged):
    r"""$\sqrt{\sum w (y - \hat y)^2 / \sum w}$ over all entries.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = RootMeanSquaredError()
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros(2), jnp.full(2, 3.0)))
    Array(3., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "min"

    name: str | None = "root_mean_squared_error"
    dtype: DTypeSpec = None

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        y_true, y_pred = match_ranks(
            jnp.asarray(y_true).astype(self._compute_dtype), jnp.asarray(y_pred).astype(self._compute_dtype)
        )
        check_shapes("root_mean_squared_error", y_true, y_pred)
        return self._add(state, jnp.square(y_pred - y_true), sample_weight, mask)

    def compute(self, state: State) -> jax.Array:
        return jnp.sqrt(super().compute(state))
