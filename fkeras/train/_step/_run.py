"""Many steps as one function: a loop of a known number of steps, which can be batched and differentiated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ...core import explain, plain_path_name
from ...core.typing import Batch, PyTree
from ._batch import rows
from ._learner import Learner
from ._many_steps import counted_step
from ._programs import compiled
from ._running_sums import RunningSums
from ._state import TrainState
from ._train_step import logs_after

#: How many steps lie between two states that the backward pass keeps: a number, `"sqrt"`, or `None` to keep all.
Every = int | str | None


class Lengths(NamedTuple):
    """What of a run decides on its program.

    Attributes:
        steps: how many steps.
        size: the rows of a batch; the last one of an epoch may have fewer.
        every: how many steps lie between two states that the backward pass keeps, and so on within such a stretch.
    """

    steps: int
    size: int
    every: tuple[int, ...] | None


def every_of(checkpoint_every: Every, steps: int) -> tuple[int, ...] | None:
    """How many steps lie between two states that are kept, and within such a stretch; `None` where everything is.

    >>> every_of("sqrt", 256), every_of(10, 256), every_of(None, 256)
    ((16, 4), (10,), None)
    """
    if checkpoint_every == "sqrt":
        return _root(steps), _root(_root(steps))
    return None if checkpoint_every is None else (int(checkpoint_every),)


def _root(steps: int) -> int:
    """The square root, rounded up."""
    return math.isqrt(max(steps - 1, 0)) + 1


def run_steps(
    trainer: Learner, state: TrainState, data: Batch, orders: jax.Array | None, empty: RunningSums, lengths: Lengths
) -> tuple[TrainState, dict[str, jax.Array]]:
    """The state after so many steps, and the logs of each.

    Args:
        trainer: the trainer.
        state: where to start: at the beginning of an epoch.
        data: `(x, y, sample_weight)`, all of it.
        orders: int32 of shape (epochs, rows), the order of the rows in each epoch; `None` leaves them as they are.
        empty: running sums at an epoch's beginning.
        lengths: the numbers that the program is made for.
    """
    return compiled(trainer, _run, static=(4,))(state, data, orders, empty, lengths)


def _run(
    trainer: Learner, state: TrainState, data: Batch, orders: jax.Array | None, empty: RunningSums, lengths: Lengths
) -> tuple[TrainState, dict[str, jax.Array]]:
    steps, size, every = lengths
    count = rows(data[0])
    full, short = divmod(count, size)
    epoch = full + (short > 0)

    def batch(number: jax.Array, place: Any, of: int) -> PyTree:
        """A batch of so many rows."""
        first = jnp.asarray(place * size, jnp.int32)
        if orders is None:
            return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, first, of), data)
        found = lax.dynamic_slice(orders, (number // epoch, first), (1, of))[0]
        return jax.tree.map(lambda a: a.at[found].get(mode="promise_in_bounds"), data)

    def step_on(state: TrainState, batch: PyTree) -> tuple[TrainState, dict[str, jax.Array]]:
        state, shown = counted_step(trainer, state, batch)
        return state, logs_after(trainer, state, shown)

    def step(state: TrainState, number: jax.Array) -> tuple[TrainState, dict[str, jax.Array]]:
        place = number % epoch
        sums = jax.tree.map(lambda new, old: jnp.where(place == 0, new, old), empty, state.metrics)
        state = state.replace(metrics=sums)
        if not short:
            return step_on(state, batch(number, place, size))
        if not full:
            return step_on(state, batch(number, place, short))
        # the last batch of an epoch is a shape of its own, as in every run: nothing is padded
        found: tuple[TrainState, dict[str, jax.Array]] = lax.cond(
            place == full,
            lambda: step_on(state, batch(number, full, short)),
            lambda: step_on(state, batch(number, place, size)),
        )
        return found

    state = state.replace(metrics=empty)
    _check_keeps_its_form(step, state)
    return scanned(step, state, jnp.arange(steps, dtype=jnp.int32), every)


def scanned(
    step: Callable[[Any, jax.Array], tuple[Any, Any]], carry: Any, numbers: jax.Array, every: tuple[int, ...] | None
) -> tuple[Any, Any]:
    """`lax.scan` whose backward pass keeps the carry of each so many steps, and computes those between them again.

    With `every = (a,)` the backward pass of `T` steps holds `T / a` carries, those of the `a` steps that it is at, and
    what one step computes; each step is computed three times in all. `(a, b)` does the same within a stretch:
    `T / a + a / b + b` carries, and each step is computed four times.

    Args:
        step: one step, `(carry, its number) -> (carry, result)`.
        carry: what goes from step to step.
        numbers: of the steps.
        every: how many steps lie between two carries that are kept, and within such a stretch; `None` is `lax.scan`.

    Returns:
        `(the last carry, the results by step)`.

    Reference: Chen et al., 2016, [Training deep nets with sublinear memory cost](https://arxiv.org/abs/1604.06174).
    """
    if every is None:
        return lax.scan(step, carry, numbers)
    if not every:  # a loop's body is not merged with its second copy
        return lax.scan(jax.checkpoint(step, prevent_cse=False), carry, numbers)

    def stretch(carry: Any, numbers: jax.Array) -> tuple[Any, Any]:
        return scanned(step, carry, numbers, every[1:])

    length = every[0]
    whole = len(numbers) // length
    kept = jax.checkpoint(stretch, prevent_cse=False)
    carry, results = lax.scan(kept, carry, numbers[: whole * length].reshape(whole, length))
    results = jax.tree.map(lambda a: a.reshape(whole * length, *a.shape[2:]), results)
    if whole * length < len(numbers):
        carry, rest = kept(carry, numbers[whole * length :])
        results = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), results, rest)
    return carry, results


def _check_keeps_its_form(step: Callable[[Any, jax.Array], tuple[Any, Any]], state: TrainState) -> None:
    """Refuse a step that changes the structure, a shape or a dtype of the state."""
    after: Any = jax.eval_shape(step, state, jax.ShapeDtypeStruct((), jnp.int32))[0]
    before = jax.eval_shape(lambda s: s, state)
    form = {
        name: {
            plain_path_name(path): f"{leaf.dtype}{list(leaf.shape)}"
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }
        for name, tree in (("before", before), ("after", after))
    }
    changed = [p for p in form["before"] | form["after"] if form["before"].get(p) != form["after"].get(p)]
    if changed:
        told = [
            f"{p}: {form['before'].get(p, 'nothing')} became {form['after'].get(p, 'nothing')}" for p in changed[:5]
        ]
        raise TypeError(
            explain(
                "`run` is one loop on the device, and the step changes what the state is made of.",
                received="; ".join(told),
                usually="a train_step or a layer of one's own that returns another dtype, or that adds a collection.",
                write="value.astype(old.dtype); or trainer.fit, which makes such steps one by one",
            )
        )
