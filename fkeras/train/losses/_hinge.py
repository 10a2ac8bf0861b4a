"""Margin losses."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, Num
from ._base import SUM_OVER_BATCH_SIZE, FunctionLoss
from ._frozen import DTypeSpec
from ._inputs import MODULE, loss_function


def _signs(y_true: jax.Array) -> jax.Array:
    """Labels 0 and 1 as -1 and 1. Other labels stay, which is decided for the array as a whole, as in Keras."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)


# ------------------------------------------------------------------ functions
@loss_function(elementwise=True)
def hinge(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""$\max(1 - y \hat y, 0)$, the mean over the last axis.

    Args:
        y_true: -1 and 1, or 0 and 1; `(…, d)`, any dtype.
        y_pred: scores `(…, d)`, float.

    Returns:
        `(…)`, in the dtype of the predictions.

    >>> hinge(jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]]))
    Array([1.], dtype=float32)
    """
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


@loss_function(elementwise=True)
def squared_hinge(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""$\max(1 - y \hat y, 0)^2$, the mean over the last axis; labels as for `hinge`.

    >>> squared_hinge(jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]]))
    Array([1.25], dtype=float32)
    """
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


@loss_function()
def categorical_hinge(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""$\max(\max_i (1 - y_i) \hat y_i - \sum_i y_i \hat y_i + 1, 0)$ for one-hot targets `(…, classes)`.

    >>> categorical_hinge(jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.25]]))
    Array([0.75], dtype=float32)
    """
    positive = jnp.sum(y_true * y_pred, axis=-1)
    negative = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(negative - positive + 1, 0)


# ------------------------------------------------------------------ classes
@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class Hinge(FunctionLoss):
    """The hinge loss of labels -1 and 1, or 0 and 1; see `hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> Hinge()(jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]]))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/losses/hinge_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "hinge"
    dtype: DTypeSpec = None

    _function = staticmethod(hinge)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class SquaredHinge(FunctionLoss):
    """The squared hinge loss; see `squared_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> SquaredHinge()(jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]]))
    Array(1.25, dtype=float32)

    Reference: https://keras.io/api/losses/hinge_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "squared_hinge"
    dtype: DTypeSpec = None

    _function = staticmethod(squared_hinge)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalHinge(FunctionLoss):
    """The hinge loss of one-hot targets; see `categorical_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> CategoricalHinge()(jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.25]]))
    Array(0.75, dtype=float32)

    Reference: https://keras.io/api/losses/hinge_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "categorical_hinge"
    dtype: DTypeSpec = None

    _function = staticmethod(categorical_hinge)
