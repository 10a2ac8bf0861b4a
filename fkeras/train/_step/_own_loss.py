"""What a trainer's own `compute_loss` hands out beside the loss, known from shapes before there is a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from ...core.typing import Batch, PyTree
from ._learner import Learner
from ._measurement import with_room_for_logs
from ._programs import compiled, exact_shapes_of, structure
from ._running_sums import RunningSums
from ._state import TrainState
from ._step_outputs import Shown
from ._train_step import advance, loss_and_extras


class HandedOut(NamedTuple):
    """What a `compute_loss` returns beside the loss.

    Attributes:
        outputs: whether there are outputs, which metrics are of.
        logs: the shapes of the numbers that it logs, by name.
    """

    outputs: bool
    logs: Mapping[str, Any]


def handed_out(trainer: Learner, state: TrainState, batch: Batch) -> HandedOut:
    """What a trainer's own loss hands out in evaluation, for batches of these shapes; it is traced once for each.

    Args:
        trainer: the trainer.
        state: a state, or its shapes.
        batch: a batch, or its shapes.
    """
    return structure(trainer, _trace, exact_shapes_of(batch), state, batch)


def _trace(trainer: Learner, state: TrainState, batch: Batch) -> HandedOut:
    def look(state: TrainState, batch: Batch) -> tuple[PyTree, PyTree]:
        _, extras = loss_and_extras(trainer, state.params, state, batch, None)
        return extras.get("y_pred"), dict(extras.get("logs", {}))

    y_pred, logs = jax.eval_shape(look, state, batch)
    return HandedOut(y_pred is not None, logs)


def room_for_logs(trainer: Learner, sums: RunningSums, state: TrainState, batch: Batch, training: bool) -> RunningSums:
    """Running sums at the beginning of a run, with room for the numbers that a trainer's own loss logs.

    Args:
        trainer: the trainer, with a loss of its own.
        sums: those of its losses and metrics.
        state: a state, or its shapes.
        batch: a batch, or its shapes.
        training: whether the run trains.
    """
    if trainer.run_eagerly:  # such a step is not traced either: it finds out by itself
        return with_room_for_logs(sums, {})
    if not training:
        return with_room_for_logs(sums, handed_out(trainer, state, batch).logs)
    # the trace of the step that the run will make
    shown = jax.eval_shape(compiled(trainer, advance), state.replace(metrics=sums), batch)[1]
    return with_room_for_logs(sums, shown.averaged if isinstance(shown, Shown) else {})
