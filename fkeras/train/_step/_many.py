"""The step over stacked states: many models of one description, a leading axis of members on every leaf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core import describe, explain
from ...core.typing import Batch, PyTree
from ._learner import Learner
from ._many_products import with_small_products
from ._many_steps import _many_steps
from ._programs import compiled
from ._state import TrainState
from ._step_loop import Bounds

T = TypeVar("T")


def stack(states: Sequence[T]) -> T:
    """States, or other trees of arrays, as one with a leading axis of members.

    >>> stack([{"a": np.zeros(2)}, {"a": np.ones(2)}])["a"].shape
    (2, 2)
    """
    # by numpy: on a device each shape would be a program of its own
    found: T = jax.tree.map(_stacked, *jax.device_get(list(states)))
    return found


def _stacked(*leaves: Any) -> Any:
    if isinstance(leaves[0], jax.Array):  # a key: an optimizer's, for its noise; NumPy has no keys
        return jnp.stack(leaves)
    return np.stack(leaves)


def count_of(states: TrainState) -> int:
    """How many members stacked states have.

    Raises:
        TypeError: no stacked states.
    """
    step = getattr(states, "step", None)
    if not isinstance(states, TrainState) or np.ndim(step) != 1:
        raise TypeError(
            explain(
                "States of many members have a leading axis of members on every leaf.",
                received=f"a state of one model, at step {step}"
                if isinstance(states, TrainState)
                else describe(states),
                usually="the state that `fit` returned.",
                write="states, histories = trainer.fit_many(x, y, seeds=range(8))",
            )
        )
    return int(np.shape(step)[0])


def member(states: TrainState, i: int) -> TrainState:
    """One member of `fit_many` as an ordinary state, which `fit`, `evaluate` and `save` take.

    Its learning rate is the member's, as it is in the state. Other numbers that `over=` named are arguments of the
    optimizer, and no part of a state: `histories.trainer(i)` is the trainer that has them.

    Args:
        states: what `fit_many` returned.
        i: the member's number, `histories.best("val_loss")` for instance; negative ones count from the end.

    Returns:
        The state, whose leaves have no axis of members.

    Raises:
        IndexError: there is no such member.
        TypeError: no states of many members.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> states, histories = trainer.fit_many(x, y, seeds=range(4), verbose=0)
    >>> fk.train.member(states, 2).params["dense"]["kernel"].shape
    (3, 1)
    """
    count, place = count_of(states), int(i)
    if not -count <= place < count:
        raise IndexError(
            explain(
                f"There are {count} members, numbered from 0.",
                received=f"member {i}",
                write=f"fk.train.member(states, {count - 1})",
            )
        )
    found: TrainState = _taken(states, np.int32(place % count))
    return found


@jax.jit
def _taken(states: PyTree, place: jax.Array) -> PyTree:
    return jax.tree.map(lambda leaf: lax.dynamic_index_in_dim(leaf, place, 0, keepdims=False), states)


def steps_of_members(trainer: Learner, donate: bool) -> Callable[..., PyTree]:
    """`(states, data, order, bounds, active, size, unrolled) -> (states, logs)`: the steps of all members at once.

    `order` is int32 of shape (members, rows), or (rows,) where all have one. A member that is not `active`, a boolean
    of shape (members,), is what it was, to the bit.

    Args:
        trainer: the trainer, on no devices of its own.
        donate: whether the steps may reuse the states' memory.
    """
    return compiled(trainer, _steps_of_members, donate=(0,) if donate else (), static=(5, 6))


def _steps_of_members(
    trainer: Learner,
    states: TrainState,
    data: Batch,
    order: jax.Array,
    bounds: Bounds,
    active: jax.Array,
    size: int,
    unrolled: int,
) -> tuple[TrainState, dict[str, jax.Array]]:
    def steps(state: TrainState, order: jax.Array) -> tuple[TrainState, dict[str, jax.Array]]:
        return _many_steps(trainer, state, data, order, bounds, size, unrolled)

    together = jax.vmap(steps, in_axes=(0, 0 if order.ndim == 2 else None))
    on_cpu = jax.default_backend() == "cpu"
    new, logs = with_small_products(together, states, order) if on_cpu else together(states, order)
    return where_active(active, new, states), logs


def where_active(active: jax.Array, new: T, old: T) -> T:
    """Of each leaf the rows of active members from `new`, and the others' from `old`."""

    def chosen(n: jax.Array, o: jax.Array) -> jax.Array:
        return n if n is o else jnp.where(jnp.reshape(active, (-1, *[1] * (n.ndim - 1))), n, o)

    found: T = jax.tree.map(chosen, new, old)
    return found


def finalized(trainer: Learner, states: TrainState, example: PyTree) -> TrainState:
    """The states to keep after training: see `Trainer.finalize`."""
    found: TrainState = jax.vmap(lambda state: trainer.finalize(state, example))(states)
    return found
