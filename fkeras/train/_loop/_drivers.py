"""How the steps of an epoch are dispatched: many at a time over arrays on the device, stacked, or one by one.

A driver's `advance` makes steps, and leaves what they came to in `reached`: `(state, logs of the last, how many)`, also
where an exception ends it. A state that a step may have taken the memory of is never there.
"""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .._batches._sources import Arrays, Position
from .._step._batch import rows, spec
from .._step._breakable import breakable
from .._step._many_steps import many_steps, one_step
from ._device_memory import are_numbers, fits_device, nbytes, on_cpu
from ._interrupt import Interruptible
from ._step_inspection import calls_back, loops_well

# How many steps may be under way before Python waits for one of them, and how many lie between two looks: looking at
# a step that has ended takes as long as a tenth of a tiny one.
AHEAD, _LOOKS = 32, 8
# Batches that wait for each other to be dispatched together: at most so many, of so many bytes in all (which are copied
# in the time of a dispatch), and for so many seconds.
_STACK, _BYTES, _PATIENCE = 64, 2**17, 0.005
# Fewer than that are not worth the copy.
_FEWEST = 4
# So many rows are put in order in a hundredth of a second, which may be lost after the last epoch.
_QUICKLY_ORDERED = 2**20


def driver_for(trainer: Any, source: Any, state: Any, seed: np.ndarray | None, donate: bool) -> Any:
    """The driver that suits a source and a step."""
    # what JAX finds in a debugged step it raises when the step has run, and taken the memory of the state
    donate = donate and not (jax.config.jax_debug_nans or jax.config.jax_debug_infs)
    step = one_step(trainer, donate)
    if trainer.run_eagerly:
        return OneByOne(step, source, seed)
    if runs_on_device(trainer, source, step, state):
        careful = calls_back(trainer, step, state, source.data.spec(source.data.batch_size))
        return OnDevice(trainer, source, seed, donate, careful)
    return Stacked(trainer, source, seed, donate)


def runs_on_device(trainer: Any, source: Any, step: Any, state: Any) -> bool:
    """Whether many steps are made in one dispatch: over arrays that fit, by a step that may run in a loop."""
    if not isinstance(source, Arrays) or source.data.batch_size > source.data.count:
        return False
    data = source.data
    return fits_device(data.tree) and loops_well(trainer, step, state, data.spec(data.batch_size))


def stack_of(trainer: Any, step: Any, state: Any, batch: Any) -> int:
    """How many batches like this one are dispatched together; 0 where each has a dispatch of its own.

    Args:
        trainer: the trainer.
        step: `(state, batch) -> (state, logs)`.
        state: a state, or its shapes.
        batch: a batch, or its shapes.
    """
    leaves = jax.tree.leaves(batch)
    if len({leaf.shape[:1] for leaf in leaves}) != 1 or not leaves[0].shape:
        return 0
    if not are_numbers(leaves):
        return 0
    count = min(_STACK, _BYTES // max(1, nbytes(batch)))
    one = spec(batch, leaves[0].shape[0])
    return count if count >= _FEWEST and loops_well(trainer, step, state, one) else 0


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
        self.singly = 0
        self.reached: tuple[Any, Any, int] = (None, None, 0)

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.batches = self.source.epoch(self.seed, where, skip)
        if skip and skip == self.source.steps:
            next(self.batches, None)  # a pass that was seen to its end is told that it ended

    def argument(self, state: Any) -> Any:
        """What the step takes for a state."""
        return state

    def advance(self, state: Any, count: int, interruption: Interruptible) -> None:
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

    def make(self, state: Any, batch: Any) -> tuple[Any, Any]:
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


class Stacked(OneByOne):
    """Batches that are alike wait for each other, and are dispatched together; others are dispatched one by one.

    A batch's size, not the time at which it comes, decides which program makes its step, so that a run that is cut up
    in another way has the same numbers.

    A step that calls functions in Python may raise in the middle of a dispatch: such a step leaves its state's memory
    alone, and is waited for, so that the state before it is whole.

    Args:
        trainer: the trainer.
        source: the batches.
        seed: what the order of arrays follows from; `None` leaves them as they are.
        donate: whether a step may reuse the state's memory.
    """

    def __init__(self, trainer: Any, source: Any, seed: np.ndarray | None, donate: bool) -> None:
        super().__init__(one_step(trainer, donate), source, seed)
        self.trainer, self.steps, self.careful = trainer, many_steps(trainer, donate), False
        self.known: dict[Any, int] = {}

    def advance(self, state: Any, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state."""
        logs, made, most = None, 0, 0
        form: Any = None
        stack: _Stack | None = None
        try:
            while True:
                drawn = made + (stack.filled if stack else 0)
                try:
                    batch = self.draw(drawn, interruption) if drawn < count else None
                except BaseException:
                    if stack:  # what was drawn before is trained on
                        with contextlib.suppress(Exception):
                            state, logs = self.dispatch(state, stack, form)
                            made += stack.filled
                    raise
                leaves, treedef = jax.tree.flatten(batch)
                new = (treedef, *map(_form, leaves))
                if stack and (new != form or stack.is_due()):
                    state, logs = self.dispatch(state, stack, form)
                    made, stack = made + stack.filled, None
                if batch is None:
                    break
                if new != form:
                    form, most = new, self._stack_of(new, state, batch)
                if most:
                    stack = stack or _Stack(leaves, most)
                    stack.add(leaves)
                else:
                    state, logs = self.make(state, batch)
                    made += 1
        finally:
            self.reached = state, logs, made

    def make(self, state: Any, batch: Any) -> tuple[Any, Any]:
        """One step, dispatched by itself."""
        made = super().make(state, batch)
        return jax.block_until_ready(made) if self.careful else made

    def dispatch(self, state: Any, stack: _Stack, form: Any) -> tuple[Any, Any]:
        """The steps of a stack of batches."""
        data = jax.tree.unflatten(form[0], stack.arrays)
        made = self.steps(state, data, None, np.int32(0), np.int32(stack.filled), stack.size)
        self.watch(made[1], AHEAD)
        return jax.block_until_ready(made) if self.careful else made

    def _stack_of(self, form: Any, state: Any, batch: Any) -> int:
        if form not in self.known:
            if not self.careful and calls_back(self.trainer, self.step, state, batch):
                self.careful = True
                self.step = one_step(self.trainer, False)
                self.steps = many_steps(self.trainer, False)
            plain = all(kind is np.ndarray or _is_at_hand(where) for kind, _, _, where in form[1:])
            # the program of a short last batch is compiled while the first steps run: it is the step's
            short = isinstance(self.source, Arrays) and rows(batch) < self.source.data.batch_size
            self.known[form] = stack_of(self.trainer, self.step, state, batch) if plain and not short else 0
        return self.known[form]


def _form(leaf: Any) -> tuple[Any, ...]:
    """What batches have in common that one program serves: of each array its kind, shape, dtype and place."""
    return type(leaf), np.shape(leaf), getattr(leaf, "dtype", None), getattr(leaf, "sharding", None)


def _is_at_hand(where: Any) -> bool:
    """Whether a JAX array lies in the memory that a stack is made in: as a whole, on the CPU that steps run on."""
    return where is not None and on_cpu() and where.device_set == {jax.local_devices()[0]}


class _Stack:
    """Arrays with room for `most` batches, of which so many are `filled`: one program serves any number.

    The arrays are new ones for each dispatch, as the device may read them where they lie.
    """

    def __init__(self, leaves: list[np.ndarray], most: int) -> None:
        self.most, self.filled, self.size, self.since = most, 0, len(leaves[0]), time.monotonic()
        dtypes = [jax.dtypes.canonicalize_dtype(leaf.dtype) for leaf in leaves]
        shapes = [(most * self.size, *leaf.shape[1:]) for leaf in leaves]
        self.arrays = [np.empty(*form) for form in zip(shapes, dtypes, strict=True)]

    def add(self, leaves: list[np.ndarray]) -> None:
        """Copy a batch at once: a generator may fill the same arrays again."""
        start = self.filled * self.size
        for array, leaf in zip(self.arrays, leaves, strict=True):
            array[start : start + self.size] = leaf
        self.filled += 1

    def is_due(self) -> bool:
        """Whether what there is should be dispatched."""
        return self.filled == self.most or time.monotonic() - self.since > _PATIENCE


class OnDevice:
    """Many steps a dispatch, over arrays that are copied to the device once.

    Args:
        trainer: the trainer.
        source: the arrays.
        seed: what their order follows from; `None` leaves them as they are.
        donate: whether a step may reuse the state's memory.
        careful: whether a step may raise while it runs: then it does not, and is waited for.
    """

    def __init__(
        self, trainer: Any, source: Arrays, seed: np.ndarray | None, donate: bool, careful: bool = False
    ) -> None:
        donate = donate and not careful
        self.steps, self.step = many_steps(trainer, donate), one_step(trainer, donate)
        self.source, self.seed, self.careful = source, seed, careful
        data = source.data
        self.data = jax.device_put(data.tree)
        self.full = data.count // data.batch_size
        self.where, self.place = Position(0, 0), 0
        self.known: tuple[int, Any, Any] | None = None
        self.reached: tuple[Any, Any, int] = (None, None, 0)

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.where, self.place = where, skip

    def argument(self, state: Any) -> Any:
        """What the step takes for a state."""
        return state

    def advance(self, state: Any, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state."""
        logs: Any = None
        made, size = 0, self.source.data.batch_size
        count = min(count, self.source.steps - self.place)
        try:
            while made < count:
                begins_at, start = self.source.locate(self.where, self.place)
                order, on_device = self._order(begins_at)
                if start < self.full:
                    stop = min(start + count - made, self.full)
                    found = self.steps(state, self.data, on_device, np.int32(start), np.int32(stop), size)
                else:
                    stop = start + 1
                    found = self.step(state, self.source.data.batch(start, order))
                state, logs = jax.block_until_ready(found) if self.careful else found
                made, self.place = made + stop - start, self.place + stop - start
        finally:
            self.reached = state, logs, made
        if self.place == self.source.steps and self.source.data.count <= _QUICKLY_ORDERED:
            # the next epoch's, while the device is busy with what was just dispatched
            ahead = Position(self.where.epoch + 1, self.where.step + self.source.steps)
            self._order(self.source.locate(ahead, 0)[0])

    def _order(self, begins_at: int) -> tuple[Any, Any]:
        """The order of a pass, here and on the device."""
        if self.known is None or self.known[0] != begins_at:
            order = self.source.order(self.seed, begins_at)
            self.known = (begins_at, order, None if order is None else jax.device_put(order.astype(np.int32)))
        return self.known[1], self.known[2]
