"""Weights of another model and states of another trainer, and what is said of them."""

from __future__ import annotations

from typing import Any

import jax
from flax import linen

from ...core import (
    RECURRENT_STATE,
    Layer,
    are_params,
    check_collections,
    explain,
    mismatches,
    of_a_layer_inside,
    other_shapes,
)
from ...core.typing import PyTree, Variables, VariablesLike
from ._forward import graph_of
from ._learner import Learner
from ._programs import structure
from ._state import TrainState
from ._train_step import has_own_step


def check_variables(model: linen.Module, given: VariablesLike, x: PyTree = None) -> Variables:
    """Variables that a model can run on; missing weights, and those of other shapes or no real numbers, are refused.

    Args:
        model: the model; of one that is no fkeras model nothing is known.
        given: its variables, or a state that has them; what the model does not use is ignored.
        x: an example input, for a model that does not know its input's shape.

    Returns:
        The variables.

    Raises:
        TypeError: no variables at all.
        ValueError: each weight at fault, by path.
    """
    owner = model.path_text() if isinstance(model, Layer) else type(model).__name__
    call = "state = trainer.init(0, variables=variables)"
    variables = linen.meta.unbox(check_collections(owner, given, needs_params=are_params(given), call=call))
    expected: Any = {}
    if graph_of(model) is not None:
        expected = model.abstract_variables()
    elif isinstance(model, Layer) and x is not None:
        expected = jax.eval_shape(lambda key: model.init(key, x), jax.eval_shape(lambda: jax.random.key(0)))
    faults = mismatches({c: tree for c, tree in expected.items() if c != RECURRENT_STATE}, variables)  # made anew
    if faults:
        raise other_shapes(owner, faults, of_a_layer_inside(model, variables))
    return check_collections(owner, variables, needs_params=True, call=call)


def check_optimizer(trainer: Learner, state: TrainState) -> None:
    """Refuse a state whose optimizer is another one's, before a step is made of what looks alike.

    Only the structure is compared, once for each; of a step of the user's own, or a model that does not know its
    weights before it is called, nothing is known.

    Raises:
        ValueError: naming both optimizers' slots.
    """
    takes_any = getattr(trainer.optimizer, "takes_any_state", False)
    if takes_any or has_own_step(trainer) or graph_of(trainer.model) is None:
        return
    given: Any = jax.tree.structure(state.opt_state)
    wanted: Any = structure(trainer, _structure_of_slots, jax.tree.structure(state.params), state.params)
    if given != wanted:
        raise ValueError(
            explain(
                f"The state's optimizer is not this trainer's {type(trainer.optimizer).__name__}.",
                received=f"an optimizer state of {given.num_leaves} arrays, where {wanted.num_leaves} are kept"
                + (", in another structure" if given.num_leaves == wanted.num_leaves else ""),
                usually="the state of another trainer: one of another optimizer, model or set of frozen layers.",
                write="state = trainer.init(0, variables=state.variables)",
            )
        )


def _structure_of_slots(trainer: Learner, params: PyTree) -> jax.tree_util.PyTreeDef:
    moving = jax.eval_shape(lambda params: trainer.partition().split(params)[0], params)
    return jax.tree.structure(jax.eval_shape(trainer.optimizer.init, moving))
