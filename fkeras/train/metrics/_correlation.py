"""Metrics of how targets and predictions vary together."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from ...core.typing import ArrayLike, Shaped
from ..losses._frozen import DTypeSpec
from ..losses._inputs import EPSILON
from ._base import register_metric
from ._functions import metric_function
from ._reduction import FunctionMetric


@metric_function
def pearson_correlation(
    y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."], axis: int = -1
) -> jax.Array:
    r"""Pearson's correlation along an axis: $\operatorname{cov}(y, \hat y) / (\sigma_y \sigma_{\hat y})$.

    Args:
        y_true: targets, any dtype.
        y_pred: predictions of the same shape.
        axis: the axis along which they vary.

    Returns:
        The shape without that axis; NaN where either is constant.

    >>> pearson_correlation(jnp.array([[0.0, 1.0, 2.0]]), jnp.array([[1.0, 3.0, 5.0]])).round(4)
    Array([1.], dtype=float32)
    """
    units = []
    for y in (y_true, y_pred):
        y = y - jnp.mean(y, axis=axis, keepdims=True)
        units.append(y / jnp.std(y, axis=axis, keepdims=True))
    return jnp.mean(units[0] * units[1], axis=axis)


@metric_function
def concordance_correlation(
    y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."], axis: int = -1
) -> jax.Array:
    r"""Lin's concordance along an axis: how near to $\hat y = y$ the two vary together.

    $2 \operatorname{cov}(y, \hat y) / (\sigma_y^2 + \sigma_{\hat y}^2 + (\bar y - \bar{\hat y})^2)$

    Args:
        y_true: targets, any dtype.
        y_pred: predictions of the same shape.
        axis: the axis along which they vary.

    Returns:
        The shape without that axis.

    >>> concordance_correlation(jnp.array([[0.0, 1.0, 2.0]]), jnp.array([[0.0, 1.0, 2.0]])).round(4)
    Array([1.], dtype=float32)

    Reference: Lin, A concordance correlation coefficient to evaluate reproducibility (1989).
    """
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    covariance = jnp.mean((y_true - mean_true) * (y_pred - mean_pred), axis=axis, keepdims=True)
    spread = jnp.var(y_true, axis=axis, keepdims=True) + jnp.var(y_pred, axis=axis, keepdims=True)
    return jnp.squeeze(2 * covariance / (spread + jnp.square(mean_true - mean_pred) + EPSILON), axis)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class PearsonCorrelation(FunctionMetric):
    """Pearson's correlation, averaged over the samples; see `pearson_correlation`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        axis: the axis along which targets and predictions vary.

    >>> metric = PearsonCorrelation()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[0.0, 1.0]]), jnp.array([[1.0, 3.0]]))).round(4)
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "max"

    name: str | None = "pearson_correlation"
    dtype: DTypeSpec = None
    axis: int = -1

    _function = staticmethod(pearson_correlation)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class ConcordanceCorrelation(FunctionMetric):
    """Lin's concordance, averaged over the samples; see `concordance_correlation`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        axis: the axis along which targets and predictions vary.

    >>> metric = ConcordanceCorrelation()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[0.0, 1.0]]), jnp.array([[0.0, 1.0]]))).round(4)
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    """

    goal = "max"

    name: str | None = "concordance_correlation"
    dtype: DTypeSpec = None
    axis: int = -1

    _function = staticmethod(concordance_correlation)
