"""What comes first in a verb of the Trainer: the state of the run, or variables where weights are all it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp

from ...core import explain, variables_in
from ...core.typing import Variables, VariablesLike
from ._checked_state import check_variables
from ._eval_step import has_own_eval_step
from ._learner import Learner
from ._private_copy import check_memory
from ._state import TrainState, check_is_state, check_state, key_parts
from ._train_step import has_own_loss


def variables_given(given: VariablesLike | None, method: str, arguments: str, rest: Iterable[object] = ()) -> Variables:
    """The variables of a state, or variables as they are.

    Args:
        given: what came first.
        method: the Trainer's method.
        arguments: what to write in its brackets.
        rest: the arguments after it, in which the state may stand by mistake.

    Raises:
        TypeError: something else, or the states of many members.
    """
    if isinstance(given, TrainState):
        check_is_state(given, method, arguments, rest)
    variables = given if given is None else variables_in(given)
    if isinstance(variables, Mapping) and "params" in variables:
        return variables
    return check_state(given, method, arguments, rest).variables


def state_to_evaluate(
    trainer: Learner, given: VariablesLike | None, method: str, arguments: str, rest: Iterable[object] = ()
) -> TrainState:
    """The state to evaluate: as given, or one at the beginning of a run that has the variables.

    Its numbers are those of `trainer.init(0, variables=variables)`, whose optimizer no evaluation looks at.

    Args:
        trainer: the trainer.
        given: what came first.
        method: the Trainer's method.
        arguments: what to write in its brackets.
        rest: the arguments after it.

    Raises:
        TypeError: neither a state nor variables; or variables, for a loss or an evaluation step of the user's own,
            which may look at anything in a state.
        ValueError: variables that are not the model's, or whose memory was given away.
    """
    if isinstance(given, TrainState) or not (isinstance(given, Mapping) and "params" in given):
        return check_state(given, method, arguments, rest)
    if has_own_loss(trainer) or has_own_eval_step(trainer):
        raise TypeError(
            explain(
                f"`{method}` of {type(trainer).__name__} takes the state of the run first.",
                received="variables",
                usually="a loss or an evaluation step of one's own may look at more of the state than its weights.",
                write=f"state = trainer.init(0, variables=variables); trainer.{method}({arguments})",
            )
        )
    check_variables(trainer.model, given)
    check_memory(given, method)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=given["params"],
        model_state={name: part for name, part in given.items() if name != "params"},
        opt_state=(),
        metrics={},
        **key_parts(jax.random.fold_in(jax.random.key(0), 1)),
    )
