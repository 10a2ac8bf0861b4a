"""One dispatch a step."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ...core.typing import Batch
from .._batches._sources import Arrays, Position, Stream
from .._step._breakable import breakable
from .._step._state import TrainState
from ._driver import Reached
from ._interrupt import Interruptible

# How many steps may be under way before Python waits for one of them, and how many lie between two looks: looking at
# a step that has ended takes as long as a tenth of a tiny one.
AHEAD, _LOOKS = 32, 8


class OneByOne:
    """One dispatch a step, of the batches that a source yields.

    Args:
        step: `(state, batch) -> (state, logs)`.
        source: the batches.
        seed: what the order of arrays follows from; `None` leaves them as they are.
    """

    def __init__(self, step: Any, source: Arrays | Stream, seed: np.ndarray | None) -> None:
        self.step, self.source, self.seed = step, source, seed
        self.batches: Iterator[Any] = iter(())
        self.under_way: collections.deque[Any] = collections.deque()
        self.singly = 0
        self.reached: Reached = (None, None, 0)

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.batches = self.source.epoch(self.seed, where, skip)
        if skip and skip == self.source.steps:
            next(self.batches, None)  # a pass that was seen to its end is told that it ended

    def argument(self, state: TrainState) -> Any:
        """What the step takes for a state."""
        return state

    def advance(self, state: TrainState, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state."""
        logs, made = None, 0
        try:
            while made < count:
                batch = self.draw(made, interruption)
                if batch is None:
                    break
                state, logs = self.make(state, batch)
                made += 1
        finally:
            self.reached = state, logs, made

    def make(self, state: TrainState, batch: Batch) -> tuple[Any, Any]:
        """One step, dispatched by itself."""
        state, logs = self.step(state, batch)
        self.singly += 1
        if self.singly % _LOOKS == 0:
            self.watch(logs, AHEAD // _LOOKS)
        return state, logs

    @breakable(2)
    def draw(self, made: int, interruption: Interruptible) -> Any:
        """The next batch; `None` at the end, or where a signal came after some were `made`."""
        # Asked before a batch is drawn: one that was drawn is trained on, or a resumed run would miss it.
        return None if made and interruption.asked else next(self.batches, None)

    def watch(self, logs: Any, most: int) -> None:
        """Note what a dispatch will return, and wait while more than `most` are under way."""
        self.under_way.append(logs)
        if len(self.under_way) > most:
            jax.block_until_ready(self.under_way.popleft())
