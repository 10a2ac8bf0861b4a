"""The numbers that a run logs, and which way each of them is better."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from ...core.typing import PyTree, Variables
from .._step._forward import graph_of
from .._step._learner import Learner
from .._step._logged_norms import OF_THE_RUN
from .._step._measurement import expected_outputs, objective_of
from .._step._objective import MeasuredMetric
from .._step._train_step import has_own_loss, has_own_step


def goals_of(trainer: Learner, variables: Variables, example: PyTree) -> tuple[dict[str, str | None], bool, set[str]]:
    """What the logs of a step will hold, known before there is one.

    Args:
        trainer: the trainer.
        variables: the model's.
        example: an input, for a model that does not know its input's shape.

    Returns:
        `(goals, closed, late)`: by name `"max"`, `"min"` or, where nobody knows, `None`; whether nothing else is
        logged, which only a step of one's own can tell; and the names that only a validation has.
    """
    own = has_own_step(trainer) or has_own_loss(trainer)
    if own and graph_of(trainer.model) is None:
        return {}, False, set()  # what its batches hold need not be the model's input
    objective = objective_of(trainer, expected_outputs(trainer, variables, example))
    goals: dict[str, str | None] = {"loss": "min"}
    if len(objective.names) > 1:
        goals |= {f"{name}_loss": "min" for name in objective.names}
    goals |= {name: measured.metric.goal for measured in objective.metrics for name in _names(measured)}
    late = {measured.name for measured in objective.metrics if measured.on_host}
    better: dict[str, str] = {"grad_norm": "min"} | dict.fromkeys(OF_THE_RUN, "max")
    numbers = {name: better.get(name) for name in trainer.log}
    return {**goals, **numbers, "learning_rate": None}, not own, late


def _names(measured: MeasuredMetric) -> list[str]:
    """What a metric's numbers are called; the `result` of one that was written for Keras may name several."""
    if measured.metric._takes_padding:
        return [measured.name]
    metric = measured.metric
    value = jax.eval_shape(lambda: metric.compute(metric.empty()))
    return list(value) if isinstance(value, Mapping) else [measured.name]
