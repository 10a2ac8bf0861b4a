"""Metrics of probabilities."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp  # noqa: F401 - the examples use it

from ...core.typing import PyTree
from .. import losses
from ..losses._frozen import DTypeSpec
from ..losses._probabilistic import class_numbers
from ._base import register_metric
from ._reduction import FunctionMetric


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class KLDivergence(FunctionMetric):
    """The Kullback-Leibler divergence of the predictions from the targets; see `fk.losses.kl_divergence`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = KLDivergence()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.5]]))).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/
    """

    goal = "min"

    name: str | None = "kl_divergence"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.kl_divergence)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class Poisson(FunctionMetric):
    """The negative log-likelihood of counts, up to a constant; see `fk.losses.poisson`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.

    >>> metric = Poisson()
    >>> metric.compute(metric.update(metric.empty(), jnp.ones((2, 1)), jnp.full((2, 1), 2.0))).round(4)
    Array(1.3069, dtype=float32)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/
    """

    goal = "min"

    name: str | None = "poisson"
    dtype: DTypeSpec = None

    _function = staticmethod(losses.poisson)


@register_metric("bce", "BCE")
@dataclasses.dataclass(frozen=True, eq=False)
class BinaryCrossentropy(FunctionMetric):
    """The crossentropy of yes-or-no targets; see `fk.losses.binary_crossentropy`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        from_logits: whether the predictions are logits.
        label_smoothing: in [0, 1].

    >>> metric = BinaryCrossentropy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1], [0]]), jnp.full((2, 1), 0.5))).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/
    """

    goal = "min"

    name: str | None = "binary_crossentropy"
    dtype: DTypeSpec = None
    from_logits: bool = False
    label_smoothing: float = 0

    _function = staticmethod(losses.binary_crossentropy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalCrossentropy(FunctionMetric):
    """The crossentropy of one-hot targets; see `fk.losses.categorical_crossentropy`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        from_logits: whether the predictions are logits.
        label_smoothing: in [0, 1].
        axis: the axis of the classes.

    >>> metric = CategoricalCrossentropy()
    >>> metric.compute(metric.update(metric.empty(), jnp.eye(2), jnp.full((2, 2), 0.5))).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/
    """

    goal = "min"

    name: str | None = "categorical_crossentropy"
    dtype: DTypeSpec = None
    from_logits: bool = False
    label_smoothing: float = 0
    axis: int = -1

    _function = staticmethod(losses.categorical_crossentropy)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class SparseCategoricalCrossentropy(FunctionMetric):
    """The crossentropy of integer targets; see `fk.losses.sparse_categorical_crossentropy`.

    Args:
        name: the name in the logs.
        dtype: what it averages in; float32 by default.
        from_logits: whether the predictions are logits.
        ignore_class: a class number that costs nothing; with weights it is left out of the mean, as in Keras.
        axis: the axis of the classes.

    >>> metric = SparseCategoricalCrossentropy()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([0, 1]), jnp.full((2, 2), 0.5))).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/metrics/probabilistic_metrics/
    """

    goal = "min"

    name: str | None = "sparse_categorical_crossentropy"
    dtype: DTypeSpec = None
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    _function = staticmethod(losses.sparse_categorical_crossentropy)

    def _left_out(self, y_true: PyTree, y_pred: PyTree) -> jax.Array | None:
        if self.ignore_class is None:
            return None
        return class_numbers(str(self.name), y_true, y_pred, self.axis) != self.ignore_class
