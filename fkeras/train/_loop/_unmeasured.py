"""Metrics that a set's batches never reached."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import jax

from ...core import explain
from ...core.typing import Batch
from .._step._batch import unpack
from .._step._learner import Learner
from .._step._programs import shapes_of, structure
from .._step._state import TrainState


def without_unmeasured(
    trainer: Learner, state: TrainState, batch: Batch, logs: dict[str, Any], names: Mapping[str, Any]
) -> dict[str, Any]:
    """The logs of `evaluate` without metrics of no data: those of a `compute_loss` that hands out no `y_pred`.

    `fit` leaves them out of the numbers of training, too.

    Args:
        trainer: the trainer, with a loss of its own.
        state: the state that was evaluated.
        batch: one of the batches.
        logs: the numbers.
        names: the metrics, by name.

    Returns:
        The logs; where some are left out, a warning names them.
    """
    lacking = [name for name in names if name in logs]
    if not lacking or structure(trainer, _hands_out_outputs, shapes_of(unpack(batch)), state, batch):
        return logs
    warnings.warn(
        explain(
            "evaluate leaves out metrics that it has no outputs for.",
            received=", ".join(lacking),
            usually=f"{type(trainer).__name__}.compute_loss returns the loss alone.",
            write='return loss, {"y_pred": y_pred}   # in compute_loss',
        ),
        UserWarning,
        stacklevel=4,
    )
    return {name: value for name, value in logs.items() if name not in lacking}


def _hands_out_outputs(trainer: Learner, state: TrainState, batch: Batch) -> bool:
    """Whether a `compute_loss` returns what the metrics are of, in inference mode."""
    found = []

    def look(state: TrainState, batch: Batch) -> None:
        result = trainer.compute_loss(state.params, state, batch, None)
        found.append(isinstance(result, tuple) and result[1].get("y_pred") is not None)

    jax.eval_shape(look, state, batch)
    return bool(found[0])
