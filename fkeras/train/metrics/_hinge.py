"""Metrics of margins."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp  # noqa: F401 - the examples use it

from .. import losses
from ..losses._frozen import DTypeSpec
from ._base import register_metric
from ._reduction import FunctionMetric


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class Hinge(FunctionMetric):
    """The hinge loss of labels -1 and 1, or 0 and 1; see `fk.losses.hinge`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = Hinge()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]])))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/metrics/hinge_metrics/
    """

    goal = "min"

    name: str | None = "hinge"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.hinge)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class SquaredHinge(FunctionMetric):
    """The squared hinge loss; see `fk.losses.squared_hinge`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = SquaredHinge()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]])))
    Array(1.25, dtype=float32)

    Reference: https://keras.io/api/metrics/hinge_metrics/
    """

    goal = "min"

    name: str | None = "squared_hinge"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.squared_hinge)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalHinge(FunctionMetric):
    """The hinge loss of one-hot targets; see `fk.losses.categorical_hinge`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = CategoricalHinge()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.25]])))
    Array(0.75, dtype=float32)

    Reference: https://keras.io/api/metrics/hinge_metrics/
    """

    goal = "min"

    name: str | None = "categorical_hinge"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.categorical_hinge)
