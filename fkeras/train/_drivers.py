"""How the steps of an epoch are dispatched: many at a time over arrays on the device, or one by one."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from . import _programs
from ._interrupt import Interruptible
from ._sources import Arrays, Position

# How many steps may be under way before Python waits for one of them.
AHEAD = 32


def driver_for(trainer: Any, source: Any, state: Any, seed: np.ndarray | None, donate: bool) -> Any:
    """The driver that suits a source and a step."""
    step = _programs.one_step(trainer, donate)
    if runs_on_device(trainer, source, step, state):
        return OnDevice(_programs.many_steps(trainer, donate), step, source, seed)
    return OneByOne(step, source, seed)


def runs_on_device(trainer: Any, source: Any, step: Any, state: Any) -> bool:
    """Whether many steps are made in one dispatch: over arrays that fit, by a step that may run in a loop."""
    if not isinstance(source, Arrays) or trainer.run_eagerly or source.data.batch_size > source.data.count:
        return False
    data = source.data
    if not _programs.fits_device(data.tree):
        return False
    batch = data.spec(data.batch_size)
    leaves, treedef = jax.tree.flatten((state, batch))
    key = ("loops well", treedef, *((leaf.shape, leaf.dtype) for leaf in leaves))  # looking takes a millisecond
    if key not in trainer._programs:
        trainer._programs[key] = _programs.loops_well(step, state, batch)
    return trainer._programs[key]


class OneByOne:
    """One dispatch a step, of the batches that a source yields.

    Args:
        step: `(state, batch) -> (state, logs)`.
        source: the batches.
        seed: what the order of arrays follows from; `None` leaves them as they are.
    """

    def __init__(self, step: Any, source: Any, seed: np.ndarray | None) -> None:
        self.step, self.source, self.seed = step, source, seed
        self.batches: Iterator[Any] = iter(())
        self.under_way: collections.deque[Any] = collections.deque()

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.batches = self.source.epoch(self.seed, where, skip)

    def argument(self, state: Any) -> Any:
        """What the step takes for a state."""
        return state

    def advance(self, state: Any, count: int, interruption: Interruptible) -> tuple[Any, Any, int]:
        """At most `count` steps: `(state, logs of the last, how many were made)`."""
        logs: Any = None
        for made in range(count):
            # Asked before a batch is drawn: one that was drawn is trained on, or a resumed run would miss it.
            batch = None if made and interruption.asked else next(self.batches, None)
            if batch is None:
                return state, logs, made
            state, logs = self.step(state, batch)
            self.under_way.append(logs)
            if len(self.under_way) > AHEAD:
                jax.block_until_ready(self.under_way.popleft())
        return state, logs, count


class OnDevice:
    """Many steps a dispatch, over arrays that are copied to the device once.

    Args:
        steps: `(state, data, order, start, stop, size) -> (state, logs)`.
        step: `(state, batch) -> (state, logs)`, for a last batch that is short.
        source: the arrays.
        seed: what their order follows from; `None` leaves them as they are.
    """

    def __init__(self, steps: Any, step: Any, source: Arrays, seed: np.ndarray | None) -> None:
        self.steps, self.step, self.source, self.seed = steps, step, source, seed
        data = source.data
        self.data = jax.device_put(data.tree)
        self.full = data.count // data.batch_size
        self.where, self.place = Position(0, 0), 0
        self.known: tuple[int, Any, Any] | None = None

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.where, self.place = where, skip

    def argument(self, state: Any) -> Any:
        """What the step takes for a state."""
        return state

    def advance(self, state: Any, count: int, interruption: Interruptible) -> tuple[Any, Any, int]:
        """At most `count` steps: `(state, logs of the last, how many were made)`."""
        logs: Any = None
        made, size = 0, self.source.data.batch_size
        count = min(count, self.source.steps - self.place)
        while made < count:
            begins_at, start = self.source.locate(self.where, self.place)
            order, on_device = self._order(begins_at)
            if start < self.full:
                stop = min(start + count - made, self.full)
                state, logs = self.steps(state, self.data, on_device, np.int32(start), np.int32(stop), size)
            else:
                stop = start + 1
                state, logs = self.step(state, self.source.data.batch(start, order))
            made, self.place = made + stop - start, self.place + stop - start
        return state, logs, made

    def _order(self, begins_at: int) -> tuple[Any, Any]:
        """The order of a pass, here and on the device."""
        if self.known is None or self.known[0] != begins_at:
            order = self.source.order(self.seed, begins_at)
            self.known = (begins_at, order, None if order is None else jax.device_put(order.astype(np.int32)))
        return self.known[1], self.known[2]
