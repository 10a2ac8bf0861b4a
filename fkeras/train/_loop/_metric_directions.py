"""The numbers that a run logs, and which way each of them is better."""

from __future__ import annotations

from typing import Any

import jax

from ..metrics import OnHost


def goals_of(trainer: Any, variables: Any, example: Any) -> tuple[dict[str, str | None], bool, set[str]]:
    """What the logs of a step will hold, known before there is one.

    Args:
        trainer: the trainer.
        variables: the model's.
        example: an input, for a model that does not know its input's shape.

    Returns:
        `(goals, closed, late)`: by name `"max"`, `"min"` or, where nobody knows, `None`; whether nothing else is
        logged, which only a step of one's own can tell; and the names that only a validation has.
    """
    own = trainer._custom_step() or trainer._custom_loss()
    if own and trainer._graph is None:
        return {}, False, set()  # what its batches hold need not be the model's input
    outputs = trainer._abstract_outputs(variables, example)
    names, leaves = trainer.output_names(outputs), jax.tree.leaves(outputs)
    goals: dict[str, str | None] = {"loss": "min"}
    if len(names) > 1:
        goals |= {f"{name}_loss": "min" for name in names}
    late: set[str] = set()
    for name, metric, _, _ in trainer.objective.metrics_for(names, [None] * len(names), leaves):
        goals[name] = metric.goal
        late |= {name} if isinstance(metric, OnHost) else set()
    numbers = {name: "min" if name == "grad_norm" else None for name in trainer.log}
    return {**goals, **numbers, "learning_rate": None}, not own, late
