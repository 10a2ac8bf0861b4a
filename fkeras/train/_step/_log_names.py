"""The order of the numbers in a trainer's logs."""

from __future__ import annotations

from collections.abc import Mapping

from ...core import explain
from ...core.typing import PyTree, Variables
from ._forward import abstract_outputs, graph_of
from ._learner import Learner
from ._measurement import objective_of, outputs_of
from ._programs import shapes_of, structure
from ._state import TrainState, example_of
from ._train_step import has_own_loss, has_own_step


def log_names(trainer: Learner, state: TrainState, x: PyTree) -> tuple[str, ...]:
    """What a trainer's logs are called, in the order of Keras's list; a compiled step returns them sorted.

    For one output: the loss, and the metrics as they were compiled. For several: the loss, each output's loss,
    and the metrics by their names. What a step of the user's own logs beside them is not among them.

    Args:
        trainer: the trainer.
        state: a state of it.
        x: an example input, or its shapes, for a state that was made without one.
    """
    x, has_graph = example_of(state, x), graph_of(trainer.model) is not None
    if not has_graph and state.example is None and (has_own_loss(trainer) or has_own_step(trainer)):
        return ("loss",)  # what its batches hold need not be the model's input
    return structure(trainer, _log_names, None if has_graph else shapes_of(x), state.variables, x)


def described_log_names(trainer: Learner) -> tuple[str, ...]:
    """The same of a trainer whose model says what it takes and returns, before there is a state.

    Raises:
        AttributeError: a model without a graph, whose outputs a call alone tells.
    """
    if graph_of(trainer.model) is None:
        raise AttributeError(
            explain(
                "The names of the logs follow from the model's outputs, which are not known before it is called.",
                received=f"{type(trainer.model).__name__}, a model without a graph",
                usually="a subclassed model; Keras, too, knows them after its first batch.",
                write="logs = trainer.evaluate(state, x, y); names = list(logs.keys())",
            )
        )
    return structure(trainer, _log_names, None, trainer.model.abstract_variables(), None)


def _log_names(trainer: Learner, variables: Variables, x: PyTree) -> tuple[str, ...]:
    if not trainer.objective.is_of_outputs:
        return ("loss",)
    y_pred = abstract_outputs(trainer.model, variables, x)
    objective = objective_of(trainer, outputs_of(trainer, y_pred))
    measured = [measured.name for measured in objective.metrics]
    if len(objective.names) == 1:
        return ("loss", *measured)
    # outputs in a dict have Keras's losses in the order in which compile names them
    named = isinstance(y_pred, Mapping) and isinstance(trainer.objective.loss, Mapping)
    outputs = trainer.objective.loss if named else objective.names
    return ("loss", *(f"{name}_loss" for name in outputs), *sorted(measured))
