"""What the metric functions share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import ArrayLike, Shaped
from ..losses._inputs import check_shapes, match_ranks, widen
from ._base import FUNCTIONS


def metric_function(formula: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Make a formula of real `(y_true, y_pred, …)` a metric function: one rank, float32 or wider, and registered."""

    @functools.wraps(formula)
    def function(
        y_true: Shaped[ArrayLike, "batch ..."], y_pred: Shaped[ArrayLike, "batch ..."], *args: Any, **kwargs: Any
    ) -> jax.Array:
        y_pred = widen(y_pred)
        y_true, y_pred = match_ranks(jnp.asarray(y_true).astype(y_pred.dtype), y_pred)
        check_shapes(formula.__name__, y_true, y_pred)
        return formula(y_true, y_pred, *args, **kwargs)

    return register(FUNCTIONS)(function)
