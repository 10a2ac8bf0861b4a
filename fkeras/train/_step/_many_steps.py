"""The train step as compiled programs: one step, and many steps over arrays on the device in one dispatch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...core.typing import Batch, PyTree
from ._batch import rows
from ._learner import Learner, Program
from ._measurement import add_logs, log_sums, without_logs
from ._placed import in_place
from ._programs import compiled
from ._running_sums import RunningSums
from ._state import TrainState
from ._step_loop import Bounds, over_steps
from ._step_outputs import Shown
from ._train_step import advance, logs_after


def one_step(trainer: Learner, donate: bool) -> Program:
    """`(state, batch) -> (state, logs)`.

    Args:
        trainer: the trainer.
        donate: whether the step may reuse the state's memory.
    """
    return compiled(trainer, _one_step, donate=(0,) if donate else ())  # type: ignore[return-value]


def _one_step(trainer: Learner, state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, jax.Array]]:
    state, shown = counted_step(trainer, state, batch)
    return state, logs_after(trainer, state, shown)


def counted_step(trainer: Learner, state: TrainState, batch: Batch, *last: jax.Array) -> tuple[TrainState, Any]:
    """`advance` of a run: where the state has room for them, the numbers that a loss of one's own logs are added up.

    Args:
        trainer: the trainer.
        state: the state.
        batch: a batch.
        *last: see `advance`.

    Returns:
        The next state, and what the step shows.
    """
    sums = log_sums(state)
    # a program of its own, so that it is traced once for all that contain it
    state, shown = compiled(trainer, advance)(*in_place(trainer, without_logs(state), batch), *last)
    if sums is not None:
        new = add_logs(sums, shown.averaged if isinstance(shown, Shown) else {}, rows(batch[0]))
        state = state.replace(metrics=RunningSums.of({**state.metrics, "logs": new}))
    return state, shown


def many_steps(trainer: Learner, donate: bool) -> Program:
    """`(state, data, order, bounds, size, unrolled) -> (state, logs)`: steps over the batches within the bounds.

    The bounds are numbers in the program's input, so one program serves every stretch of an epoch, and a run that is
    cut up in another way has the same numbers. `over_steps` says what `unrolled` does.

    Args:
        trainer: the trainer.
        donate: whether the steps may reuse the state's memory.
    """
    return compiled(trainer, _many_steps, donate=(0,) if donate else (), static=(4, 5))  # type: ignore[return-value]


def _many_steps(
    trainer: Learner,
    state: TrainState,
    data: Batch,
    order: jax.Array | None,
    bounds: Bounds,
    size: int,
    unrolled: int,
) -> tuple[TrainState, dict[str, jax.Array]]:
    def body(i: jax.Array, carry: Any) -> Any:
        # without numbers to show there is nothing to leave out, and the trace of one step serves here too
        last = (i + 1 == bounds[1],) if trainer.log else ()
        return counted_step(trainer, carry[0], batch_at(data, order, i, size), *last)

    batch = jax.eval_shape(lambda: batch_at(data, order, jnp.int32(0), size))
    made = jax.eval_shape(lambda s, b: compiled(trainer, advance)(*in_place(trainer, s, b)), without_logs(state), batch)
    shown = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), made[1])
    state, shown = over_steps(body, bounds, (state, shown), unrolled)
    return state, logs_after(trainer, state, shown)


def batch_at(data: PyTree, order: jax.Array | None, place: jax.Array, size: int) -> PyTree:
    """One full batch of arrays on the device: rows that lie together, or those that `order` names."""
    first = place * size
    if order is None:
        return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, first, size), data)
    rows = lax.dynamic_slice_in_dim(order, first, size)
    return jax.tree.map(lambda a: a.at[rows].get(mode="promise_in_bounds"), data)
