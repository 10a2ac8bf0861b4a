"""`model.predict`: predictions without a trainer."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from flax import linen

from ..core import checked_by_name, hashable
from ..core.typing import PyTree, VariablesLike
from ._loop import _predict
from ._trainer import Trainer


@checked_by_name("model")
def predict(
    model: linen.Module,
    variables: VariablesLike,
    x: PyTree,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> PyTree:
    """The model's outputs for all of `x`, in batches, as numpy arrays.

    Args:
        model: an fkeras model or a Linen module.
        variables: its variables, or the state of a run.
        x: an array, a pytree of arrays, or something that yields batches.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        verbose: 0 silent, 1 a bar, 2 a line; `"auto"` is a bar on a terminal and in a notebook where there are several
            batches, and silent elsewhere.
        steps: how many batches to use; all by default.
        callbacks: their `on_predict_*` hooks are called.

    Returns:
        Arrays with one row for each row of `x`, in the structure of the model's outputs.

    >>> import fkeras as fk, jax, numpy as np
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> fk.train.predict(model, model.init(jax.random.key(0)), np.ones((5, 3))).shape
    (5, 2)
    """
    return _predict.predict(_predictor(_ByValue(model)), variables, x, batch_size, verbose, steps, callbacks)


@dataclasses.dataclass(frozen=True, eq=False)
class _ByValue:
    """A model that compares by its description, also where it is a Linen module whose fields have no hash."""

    model: linen.Module

    def __hash__(self) -> int:
        try:
            return hash(self.model)
        except TypeError:
            return id(self.model)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ByValue):
            return NotImplemented
        return self.model is other.model or hashable(self.model) == hashable(other.model)


@functools.lru_cache(maxsize=32)
def _predictor(described: _ByValue) -> Trainer:
    """A trainer that only predicts; the last ones are kept, so that a model is compiled once."""
    return Trainer(described.model, "sgd")
