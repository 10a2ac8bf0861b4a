"""Running sums of loss and metrics: empty ones, those after a batch, and the numbers that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.typing import Batch, PyTree, Variables
from ._batch import rows, unpack
from ._forward import abstract_outputs, graph_of
from ._learner import Learner
from ._objective import OutputObjective, add_to, mean_of, no_sums, sums_of
from ._outputs import Comparison, Outputs, by_output
from ._programs import shapes_of, structure
from ._running_sums import RunningSums
from ._state import TrainState, example_of
from ._step_outputs import Shown


def objective_of(trainer: Learner, outputs: Outputs) -> OutputObjective:
    """A trainer's losses and metrics matched to these outputs, once for each structure."""

    return structure(trainer, _matched, outputs, outputs)


def _matched(trainer: Learner, outputs: Outputs) -> OutputObjective:
    return trainer.objective.of(outputs)


def outputs_of(trainer: Learner, y_pred: PyTree) -> Outputs:
    """The structure of a trainer's outputs."""
    return Outputs.of(y_pred, trainer.output_names(y_pred))


def expected_outputs(trainer: Learner, variables: Variables | None, x: PyTree) -> Outputs:
    """The structure of the outputs that a model has for an input of these shapes."""
    return outputs_of(trainer, abstract_outputs(trainer.model, variables, x))


def empty_sums(trainer: Learner, state: Any, x: PyTree) -> RunningSums:
    """Running sums before any batch.

    Args:
        trainer: the trainer.
        state: a state, or variables; for a model that does not know its input's shape.
        x: an example input, or its shapes, where the state was made without one.
    """
    variables = state.variables if isinstance(state, TrainState) else state
    x = example_of(state, x)
    shapes = None if graph_of(trainer.model) is not None or variables is None else shapes_of(x)
    sums: RunningSums = jax.device_put(structure(trainer, _empty, shapes, variables, x))
    return sums


def _empty(trainer: Learner, variables: Variables | None, x: PyTree) -> RunningSums:
    # a loss of one's own may call the model on more than an input, so without need it is not called here
    of_outputs = trainer.objective.is_of_outputs
    outputs = expected_outputs(trainer, variables, x) if of_outputs else Outputs.of(jax.ShapeDtypeStruct((1, 1), float))
    with jax.ensure_compile_time_eval():  # constants, also while an outer function is traced
        return RunningSums.of(jax.tree.map(np.asarray, objective_of(trainer, outputs).empty()))


def measured(
    trainer: Learner, sums: Mapping[str, PyTree], batch: Batch, loss: jax.Array, extras: Mapping[str, Any]
) -> RunningSums:
    """Running sums after a training batch: batch losses weighted by their rows, as Keras's.

    Args:
        trainer: the trainer.
        sums: those before it.
        batch: the batch.
        loss: its loss.
        extras: what `compute_loss` returned beside the loss.
    """
    x, y, sample_weight = unpack(batch)
    size = rows(x)
    y_pred = extras.get("y_pred")
    parts = extras.get("parts") or {next(iter(sums["losses"])): loss}
    new = dict(sums)
    new["losses"] = dict(sums["losses"])
    for name, part in parts.items():
        new["losses"][name] = add_to(sums_of(sums["losses"], name), part * size, size)
    if extras.get("added") is not None:
        new["added"] = add_to(sums["added"], extras["added"] * size, size)
        if not extras.get("parts"):  # the loss is what layers added, and nothing else
            new["losses"] = sums["losses"]
    if y_pred is not None:
        outputs = outputs_of(trainer, y_pred)
        # Keras on JAX loses a mask between gradient and metrics, so the numbers of training count every step;
        # those of evaluation leave masked steps out.
        batch = Comparison.of(y_pred, outputs.names, y, sample_weight, [None] * len(outputs.names))
        with jax.named_scope("metrics"):
            new["metrics"] = objective_of(trainer, outputs).update_metrics(sums["metrics"], batch)
    if "logs" in sums:
        new["logs"] = add_logs(sums["logs"], extras.get("logs", {}), size)
    return RunningSums.of(new)


# ------------------------------------------------------------------ the numbers that a loss of one's own logs
def with_room_for_logs(sums: Mapping[str, PyTree], logs: Mapping[str, Any]) -> RunningSums:
    """Running sums that take in what a `compute_loss` logs, so that an epoch shows the mean over its batches.

    A run makes the room, as only a batch tells which numbers there are. A step by itself makes none, so that its state
    keeps its structure.

    Args:
        sums: sums without room for any.
        logs: the numbers, or their shapes.
    """
    return RunningSums.of({**sums, "logs": {name: no_sums(jnp.shape(number)) for name, number in logs.items()}})


def log_sums(state: TrainState) -> dict[str, Any] | None:
    """The running sums of what a loss of one's own logs; `None` where there is no room for them."""
    sums = state.metrics
    return sums["logs"] if isinstance(sums, RunningSums) and "logs" in sums else None


def without_logs(state: TrainState) -> TrainState:
    """A state whose running sums are laid out as `trainer.init` does it."""
    if log_sums(state) is None:
        return state
    return state.replace(metrics=RunningSums.of({k: v for k, v in state.metrics.items() if k != "logs"}))


def with_room_of(state: TrainState, other: TrainState) -> TrainState:
    """A state whose running sums have room, as yet unused, for the logs that another state has sums of."""
    mine, its = log_sums(state), log_sums(other)
    if mine is None or its is None or mine.keys() == its.keys():
        return state
    new = {name: mine.get(name, jax.tree.map(jnp.zeros_like, sums)) for name, sums in its.items()}
    return state.replace(metrics=RunningSums.of({**state.metrics, "logs": new}))


def add_logs(sums: Mapping[str, Any], logs: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Running sums of what a loss of one's own logs, after a batch.

    Args:
        sums: those before it.
        logs: the batch's numbers.
        size: its rows, by which it counts.
    """
    added = dict(sums)
    for name, number in logs.items():
        number = jnp.asarray(number, jnp.float32)
        added[name] = add_to(sums.get(name) or no_sums(number.shape), number * size, size)
    return added


def _logged(sums: Mapping[str, PyTree]) -> dict[str, jax.Array]:
    return {name: mean_of(part) for name, part in sums.get("logs", {}).items()}


# ------------------------------------------------------------------ logs
def step_logs(trainer: Learner, state: TrainState, shown: Shown) -> dict[str, jax.Array]:
    """The numbers to show after a step: the running ones, and those of the step alone."""
    sums = state.metrics
    if shown.outputs is None:
        measured = _loss_logs(trainer, sums)
    else:
        measured = objective_of(trainer, shown.outputs).logs(sums)
    return {**measured, **shown.numbers, **shown.averaged, **_logged(sums)}


def _loss_logs(trainer: Learner, sums: Mapping[str, PyTree]) -> dict[str, jax.Array]:
    """The numbers of sums in which nothing was measured but the loss."""
    names = tuple(sums["losses"])
    given = by_output(trainer.objective.loss_weights, names, "loss_weights")
    factors = tuple(1.0 if factor is None else factor for factor in given)
    return OutputObjective(names, (None,) * len(names), factors, ()).logs(sums)


def logs_without_outputs(trainer: Learner, sums: Mapping[str, PyTree]) -> dict[str, jax.Array]:
    """The numbers that running sums stand for where a `compute_loss` handed out no outputs."""
    return {**_loss_logs(trainer, sums), **_logged(sums)}


def logs_of(trainer: Learner, sums: Mapping[str, PyTree], state: TrainState, x: PyTree) -> dict[str, jax.Array]:
    """The numbers that running sums stand for."""
    if not trainer.objective.is_of_outputs:
        return logs_without_outputs(trainer, sums)
    outputs = expected_outputs(trainer, state.variables, example_of(state, x))
    return {**objective_of(trainer, outputs).logs(sums), **_logged(sums)}
