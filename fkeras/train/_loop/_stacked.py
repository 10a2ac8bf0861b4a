"""Batches of a stream that are alike, dispatched together."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import Any

import jax
import numpy as np

from ...core.typing import Batch
from .._batches._prefetch import Prefetch
from .._batches._sources import Arrays, Stream
from .._step._batch import rows, spec
from .._step._learner import Learner
from .._step._many_steps import many_steps, one_step
from .._step._placed import put_rows, spans_processes
from .._step._state import TrainState
from ._device_memory import are_numbers, nbytes, on_cpu
from ._interrupt import Interruptible
from ._one_by_one import AHEAD, OneByOne
from ._step_inspection import calls_back, loops_well

# Batches that wait for each other to be dispatched together: at most so many, of so many bytes in all (which are copied
# in the time of a dispatch), and for so many seconds.
_STACK, _BYTES, _PATIENCE = 64, 2**17, 0.005
# Fewer than that are not worth the copy.
_FEWEST = 4


def stack_of(trainer: Learner, step: Any, state: TrainState, batch: Batch) -> int:
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
        prefetch: how many batches that are dispatched one by one are copied ahead of their step.
    """

    def __init__(
        self,
        trainer: Learner,
        source: Arrays | Stream,
        seed: np.ndarray | None,
        donate: bool,
        prefetch: int = 0,
    ) -> None:
        super().__init__(one_step(trainer, donate), source, seed)
        # a program for one device takes arrays of numpy as they are, in less time
        copies = prefetch or trainer.distribution is not None
        self.ahead = Prefetch(functools.partial(put_rows, trainer) if copies else lambda batch: batch, prefetch)
        self.trainer, self.steps, self.careful = trainer, many_steps(trainer, donate), False
        self.known: dict[Any, int] = {}
        self.stack: _Stack | None = None
        # several processes dispatch the same stacks, whatever the clock of each says
        self.patience = float("inf") if spans_processes(trainer) else _PATIENCE

    def advance(self, state: TrainState, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state."""
        self.reached = state, None, 0
        with self.ahead.open(count):
            try:
                self._advance(count, interruption)
            except BaseException:
                with contextlib.suppress(Exception):
                    self._make_what_is_drawn()
                raise

    def _advance(self, count: int, interruption: Interruptible) -> None:
        most, form, ahead, waiting = 0, None, self.ahead, self.ahead.waiting
        while True:
            drawn = self.reached[2] + len(waiting) + (self.stack.filled if self.stack else 0)
            if waiting:
                ahead.before_a_draw()
            batch = self.draw(drawn, interruption) if drawn < count else None
            leaves, treedef = jax.tree.flatten(batch)
            new: Any = (treedef, *map(_form, leaves))
            if self.stack and self.stack.is_due(self.patience):
                self._dispatch_stack(self.stack)
            if batch is None or new != form:
                self._make_what_is_drawn()
            if batch is None:
                break
            if new != form:
                form, most = new, self._stack_of(new, self.reached[0], batch)
            if most:
                self.stack = self.stack or _Stack(treedef, leaves, most)
                self.stack.add(leaves)
            else:
                ahead.add(batch)
                while ahead.is_full():
                    self._make_next()

    def _make_next(self) -> None:
        """The step of the batch that was drawn first of those that wait."""
        batch = self.ahead.take()
        state, _, made = self.reached
        self.reached = *self.make(state, batch), made + 1

    def _make_what_is_drawn(self) -> None:
        """The steps of the batches that wait, which are alike: in a stack, or one by one."""
        if self.stack:
            self._dispatch_stack(self.stack)
        while len(self.ahead):
            self._make_next()

    def _dispatch_stack(self, stack: _Stack) -> None:
        self.stack = None  # a dispatch that fails is not made again
        state, _, made = self.reached
        self.reached = *self.dispatch(state, stack), made + stack.filled

    def make(self, state: TrainState, batch: Batch) -> tuple[Any, Any]:
        """One step, dispatched by itself."""
        made = super().make(state, batch)
        return jax.block_until_ready(made) if self.careful else made

    def dispatch(self, state: TrainState, stack: _Stack) -> tuple[Any, Any]:
        """The steps of a stack of batches."""
        data = jax.tree.unflatten(stack.treedef, stack.arrays)
        # A batch's place in a stack follows from the time at which it came, so no steps are written out by place.
        made = self.steps(state, data, None, np.array([0, stack.filled], np.int32), stack.size, 0)
        self.watch(made[1], AHEAD)
        return jax.block_until_ready(made) if self.careful else made

    def _stack_of(self, form: Any, state: TrainState, batch: Batch) -> int:
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

    def __init__(self, treedef: Any, leaves: list[np.ndarray], most: int) -> None:
        self.treedef, self.most, self.filled = treedef, most, 0
        self.size, self.since = len(leaves[0]), time.monotonic()
        dtypes = [jax.dtypes.canonicalize_dtype(leaf.dtype) for leaf in leaves]
        shapes = [(most * self.size, *leaf.shape[1:]) for leaf in leaves]
        self.arrays = [np.empty(*form) for form in zip(shapes, dtypes, strict=True)]

    def add(self, leaves: list[np.ndarray]) -> None:
        """Copy a batch at once: a generator may fill the same arrays again."""
        start = self.filled * self.size
        for array, leaf in zip(self.arrays, leaves, strict=True):
            array[start : start + self.size] = leaf
        self.filled += 1

    def is_due(self, patience: float) -> bool:
        """Whether what there is should be dispatched; at the latest after so many seconds."""
        return self.filled == self.most or time.monotonic() - self.since > patience
