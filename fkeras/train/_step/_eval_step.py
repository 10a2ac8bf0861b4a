"""The evaluation step and the prediction step."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ...core import variables_in
from ...core.typing import Batch, PyTree, VariablesLike
from ._batch import rows, unpack
from ._compiled_method import overrides
from ._forward import added_losses, forward, output_masks
from ._learner import Learner
from ._measurement import logs_of, measured, objective_of, outputs_of
from ._objective import add_to, sums_of
from ._outputs import Comparison
from ._placed import spread_rows
from ._running_sums import RunningSums
from ._state import TrainState, check_is_state
from ._train_step import has_own_loss, loss_and_extras


def evaluate_batch(
    trainer: Learner, sums: Mapping[str, PyTree], state: TrainState, batch: Batch, valid: jax.Array | None
) -> RunningSums:
    """Running sums after an evaluation batch; rows that are not `valid` are padding and count for nothing."""
    return _evaluated(trainer, sums, state, batch, valid)[0]


def evaluate_and_keep(
    trainer: Learner, sums: Mapping[str, PyTree], state: TrainState, batch: Batch, valid: jax.Array | None
) -> tuple[RunningSums, PyTree]:
    """`evaluate_batch`, and the predictions."""
    sums, y_pred, _ = _evaluated(trainer, sums, state, batch, valid)
    if y_pred is None:
        y_pred, _ = trainer.forward(state.params, state, unpack(batch)[0], state.rng, False)
    return sums, y_pred


def _evaluated(
    trainer: Learner, sums: Mapping[str, PyTree], state: TrainState, batch: Batch, valid: jax.Array | None
) -> tuple[RunningSums, PyTree, Mapping[str, jax.Array]]:
    """Running sums after a batch; predictions and numbers of its own, where a loss hands them out."""
    batch = spread_rows(trainer, batch)
    x, y, sample_weight = unpack(batch)
    if has_own_loss(trainer):
        loss, extras = loss_and_extras(trainer, state.params, state, batch, None)
        numbers = {**extras.get("last", {}), **extras.get("logs", {})}
        return measured(trainer, sums, batch, loss, extras), extras.get("y_pred"), numbers
    y_pred, updates = trainer.forward(state.params, state, x, state.rng, False)
    outputs = outputs_of(trainer, y_pred)
    objective = objective_of(trainer, outputs)
    compared = Comparison.of(y_pred, outputs.names, y, sample_weight, output_masks(updates, len(outputs.names)))
    added = added_losses(updates)

    def add(valid: jax.Array | None) -> RunningSums:
        new = dict(sums)
        new["losses"] = dict(sums["losses"])
        for name, part in objective.exact_loss(compared, valid).items():
            new["losses"][name] = add_to(sums_of(sums["losses"], name), *part)
        if added is not None:
            size = jnp.sum(valid.astype(jnp.float32)) if valid is not None else rows(x)
            new["added"] = add_to(sums["added"], added * size, size)
        return RunningSums.of({**new, "metrics": objective.update_metrics(sums["metrics"], compared, valid)})

    if valid is None:
        return add(None), y_pred, {}
    # Most batches are full. XLA folds a constant `valid` away, and one that it does not know costs a third of a
    # small model's evaluation.
    return jax.lax.cond(valid.all(), lambda: add(jnp.ones(valid.shape, bool)), lambda: add(valid)), y_pred, {}


def eval_step(trainer: Learner, state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, jax.Array]]:
    """One evaluation step: the state with its running metrics advanced, and the logs; weights stay.

    A subclass of `Trainer` may override it: `evaluate` then calls it batch by batch, from a state whose running sums
    are empty, and returns the logs of its last call.

    Args:
        trainer: the trainer.
        state: the state of the run; begin with `state.replace(metrics=trainer.reset_metrics(state))`.
        batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Returns:
        The state with the sums after this batch, and the numbers that they stand for.
    """
    check_is_state(state, "eval_step", "state, batch", (batch,))
    sums, _, numbers = _evaluated(trainer, state.metrics, state, batch, None)
    return state.replace(metrics=sums), {**numbers, **logs_of(trainer, sums, state, unpack(batch)[0])}


def has_own_eval_step(trainer: Learner) -> bool:
    """Whether a trainer's class has an evaluation step of its own."""
    return overrides(trainer, "eval_step", eval_step)


def predict_step(trainer: Learner, variables: VariablesLike, x: PyTree) -> PyTree:
    """The model's outputs for one batch, in inference mode.

    Args:
        trainer: the trainer.
        variables: the model's variables, or the state of a run.
        x: a batch of inputs.

    Returns:
        The outputs, in the model's structure.
    """
    x = spread_rows(trainer, x)
    return forward(trainer.model, variables_in(variables), x, jax.random.key(0), False)[0]
