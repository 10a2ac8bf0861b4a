"""Metrics that a set's batches never reached."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ...core import explain
from ...core.typing import Batch
from .._step._learner import Learner
from .._step._own_loss import handed_out
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
    if not lacking or handed_out(trainer, state, batch).outputs:
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
