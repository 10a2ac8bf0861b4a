"""Evaluation and prediction over stacked states."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import lax

from ...core.typing import Batch, PyTree
from ._eval_step import evaluate_batch, predict_step
from ._learner import Learner
from ._measurement import logs_of
from ._programs import compiled
from ._running_sums import RunningSums
from ._state import TrainState


def sums_of_members(trainer: Learner) -> Callable[..., PyTree]:
    """`(sums, states, data, rows, valid, size) -> sums`: running sums of each member over all of its rows.

    It begins with the same empty sums for each.
    `rows` is int32 and `valid` boolean, of shape (members, rows), or (rows,) where all have the same. Rows that are not
    valid count for nothing; there are so many that batches of `size` part them evenly.
    """
    return compiled(trainer, _sums_of_members, static=(5,))


def _sums_of_members(
    trainer: Learner, sums: RunningSums, states: TrainState, data: Batch, rows: jax.Array, valid: jax.Array, size: int
) -> RunningSums:
    def all_rows(state: TrainState, rows: jax.Array, valid: jax.Array) -> RunningSums:
        def body(i: jax.Array, sums: RunningSums) -> RunningSums:
            places = lax.dynamic_slice_in_dim(rows, i * size, size)
            batch = jax.tree.map(lambda a: a.at[places].get(mode="promise_in_bounds"), data)
            return evaluate_batch(trainer, sums, state, batch, lax.dynamic_slice_in_dim(valid, i * size, size))

        found: RunningSums = lax.fori_loop(0, rows.shape[0] // size, body, sums)
        return found

    own = 0 if rows.ndim == 2 else None
    found: RunningSums = jax.vmap(all_rows, in_axes=(0, own, own))(states, rows, valid)
    return found


def logs_of_members(trainer: Learner) -> Callable[..., PyTree]:
    """`(sums, states, x) -> logs`: the numbers that the running sums of members stand for."""
    return compiled(trainer, _logs_of_members)


def _logs_of_members(
    trainer: Learner, sums: Mapping[str, PyTree], states: TrainState, x: PyTree
) -> dict[str, jax.Array]:
    found: dict[str, jax.Array] = jax.vmap(lambda sums, state: logs_of(trainer, sums, state, x))(sums, states)
    return found


def predict_of_members(trainer: Learner) -> Callable[..., PyTree]:
    """`(variables, x) -> outputs` of a batch for all members: a leading axis of members on each output."""
    return compiled(trainer, _predict_of_members)


def _predict_of_members(trainer: Learner, variables: PyTree, x: PyTree) -> PyTree:
    return jax.vmap(lambda variables: predict_step(trainer, variables, jax.tree.map(jnp.asarray, x)))(variables)
