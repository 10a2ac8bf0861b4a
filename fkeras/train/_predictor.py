"""`model.predict`: predictions without a trainer."""

from __future__ import annotations

from typing import Any

from ._loop import _predict
from ._loop._run_arguments import check_names
from ._trainer import Trainer


def predict(model: Any, variables: Any, x: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The model's outputs for all of `x`, in batches, as numpy arrays.

    Args:
        model: an fkeras model or a Linen module.
        variables: its variables.
        x: an array, a pytree of arrays, or something that yields batches.
        *args, **kwargs: `batch_size`, `verbose`, `steps` and `callbacks`, as for `Trainer.predict`.

    >>> import fkeras as fk, jax, numpy as np
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> fk.train.predict(model, model.init(jax.random.key(0)), np.ones((5, 3))).shape
    (5, 2)
    """
    if args or kwargs:
        check_names(_predict.predict, (model, variables, x, *args), kwargs)
    return _predict.predict(_predictor(model), variables, x, *args, **kwargs)


def _predictor(model: Any) -> Trainer:
    """A trainer that only predicts, kept with the model so that it compiles once."""
    found = model.__dict__.get("_predictor")
    if found is None:
        found = Trainer(model, "sgd")
        object.__setattr__(model, "_predictor", found)
    return found
