"""Many steps a dispatch, over arrays that are on the device."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from .._batches._sources import Arrays, Position, Stream
from .._step._learner import Learner
from .._step._many_steps import many_steps, one_step
from .._step._placed import put_everywhere, put_rows
from .._step._state import TrainState
from .._step._step_loop import bounds_of
from ._device_memory import fits_device
from ._driver import Reached
from ._interrupt import Interruptible
from ._step_inspection import loops_well
from ._stretches import Stretches

# So many rows are put in order in a hundredth of a second, which may be lost after the last epoch.
_QUICKLY_ORDERED = 2**20


def runs_on_device(trainer: Learner, source: Arrays | Stream, step: Any, state: TrainState) -> bool:
    """Whether many steps are made in one dispatch: over arrays that fit, by a step that may run in a loop."""
    if not isinstance(source, Arrays) or source.data.batch_size > source.data.count:
        return False
    data = source.data
    return fits_device(data.tree) and loops_well(trainer, step, state, data.spec(data.batch_size))


class OnDevice:
    """Many steps a dispatch, over arrays that are copied to the device once.

    Args:
        trainer: the trainer.
        source: the arrays.
        seed: what their order follows from; `None` leaves them as they are.
        donate: whether a step may reuse the state's memory.
        careful: whether a step may raise while it runs: then it does not, and is waited for.
        unrolled: how many steps are made without asking the host; see `over_steps`.
        stretch: how many bytes of the arrays go to the device at a time; 0 for all at once. See `Stretches`.
    """

    def __init__(
        self,
        trainer: Learner,
        source: Arrays,
        seed: np.ndarray | None,
        donate: bool,
        careful: bool = False,
        unrolled: int = 0,
        stretch: int = 0,
    ) -> None:
        donate = donate and not careful
        self.steps, self.step = many_steps(trainer, donate), one_step(trainer, donate)
        self.source, self.seed, self.careful, self.unrolled = source, seed, careful, unrolled
        data = source.data
        self.trainer, self.stretch = trainer, stretch
        self.stretches: tuple[int, Stretches] | None = None
        self.data = None if stretch else put_everywhere(trainer, data.tree)
        self.full = data.count // data.batch_size
        self.where, self.place = Position(0, 0), 0
        self.known: tuple[int, Any, Any] | None = None
        self.reached: Reached = (None, None, 0)

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.where, self.place = where, skip

    def argument(self, state: TrainState) -> Any:
        """What the step takes for a state."""
        return state

    def advance(self, state: TrainState, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state."""
        logs: Any = None
        made, size = 0, self.source.data.batch_size
        count = min(count, self.source.steps - self.place)
        try:
            while made < count:
                begins_at, start = self.source.locate(self.where, self.place)
                order, on_device = self._order(begins_at, start * size)
                if start < self.full:
                    stop = min(start + count - made, self.full)
                    data = self._arrays(begins_at, stop * size)
                    found = self.steps(state, data, on_device, bounds_of(start, stop), size, self.unrolled)
                else:
                    stop = start + 1
                    found = self.step(state, put_rows(self.trainer, self.source.data.batch(start, order)))
                state, logs = jax.block_until_ready(found) if self.careful else found
                made, self.place = made + stop - start, self.place + stop - start
        finally:
            self.reached = state, logs, made
        if self.place == self.source.steps and self.source.data.count <= _QUICKLY_ORDERED:
            # the next epoch's, while the device is busy with what was just dispatched
            ahead = Position(self.where.epoch + 1, self.where.step + self.source.steps)
            self._order(self.source.locate(ahead, 0)[0], 0)

    def _order(self, begins_at: int, begin: int) -> tuple[Any, Any]:
        """The order of a pass, of which rows are needed from `begin` on: here, and on the device."""
        if self.known is None or self.known[0] != begins_at:
            order = self.source.order(self.seed, begins_at)
            if self.stretch and self.stretches is None:
                data = self.source.data.tree
                self.stretches = begins_at, Stretches(self.trainer, data, order, begin, self.stretch)
            places = order if self.stretches is None else self.stretches[1].places(order)
            on_device = None if places is None else put_everywhere(self.trainer, places.astype(np.int32))
            self.known = (begins_at, order, on_device)
        return self.known[1], self.known[2]

    def _arrays(self, begins_at: int, stop: int) -> Any:
        """The arrays on the device, in which the rows of a pass are there up to `stop`."""
        if self.stretches is None:
            return self.data
        first, stretches = self.stretches
        return stretches.until(stop) if begins_at == first else stretches.whole()
