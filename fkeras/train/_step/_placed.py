"""Where the arrays of a step lie, on the devices of a trainer that is distributed."""

from __future__ import annotations

from typing import Any, TypeVar

import jax

from ...core.typing import PyTree
from ._learner import Learner

T = TypeVar("T")


def spread_rows(trainer: Learner, batch: T) -> T:
    """A batch in a program, its rows spread over the devices."""
    where = trainer.distribution
    return batch if where is None else where.spread(batch)


def keep_in_place(trainer: Learner, state: T) -> T:
    """A state in a program, each weight and slot where the layout says."""
    where = trainer.distribution
    found: T = state if where is None else where.keep(state)
    return found


def in_place(trainer: Learner, state: T, batch: PyTree) -> tuple[T, Any]:
    """A state and a batch in a program, each where it should lie, which is part of what JAX traces a function for."""
    return keep_in_place(trainer, state), spread_rows(trainer, batch)


def put_state(trainer: Learner, state: T) -> T:
    """A state whose arrays lie where the layout says; as it is where there is none."""
    where = trainer.distribution
    found: T = state if where is None else where.put(state)
    return found


def put_everywhere(trainer: Learner, tree: PyTree) -> Any:
    """Arrays on the device, or a copy on each of the devices."""
    where = trainer.distribution
    return jax.device_put(tree) if where is None else jax.device_put(tree, where.everywhere)
