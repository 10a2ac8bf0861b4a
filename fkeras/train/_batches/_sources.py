"""What `fit`, `evaluate` and `predict` draw batches from: arrays in memory, or something that yields batches."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import jax
import numpy as np

from ...core import explain
from ...core.typing import PyTree
from .._step._batch import Batch, pad
from ._arrays import ArrayData, are_plain, order_of
from ._as_arrays import as_arrays, check_integers
from ._streams import call


def no_batches(epoch: int) -> ValueError:
    """The error for an epoch without data."""
    return ValueError(
        explain(
            f"The data yielded no batch in epoch {epoch + 1}.",
            usually="a generator can be read once; a second epoch finds it empty.",
            write="a list, an object with __len__ and __getitem__, or steps_per_epoch with an endless generator",
        )
    )


@dataclasses.dataclass(frozen=True)
class Position:
    """Where in a run an epoch begins.

    Attributes:
        epoch: how many epochs of this run came before.
        step: the state's step at the epoch's first batch.
    """

    epoch: int
    step: int


class Source(Protocol):
    """What batches are drawn from, epoch by epoch."""

    @property
    def steps(self) -> int | None:
        """How many batches an epoch has; `None` where nobody knows."""

    def example(self) -> PyTree:
        """One row of the inputs, or as many as the model takes."""

    def sample(self) -> Batch:
        """A batch as the first one is, or its shapes."""

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, without the first `skip`; `seed` shuffles what is in memory."""

    def position(self) -> object:
        """Where the source is, to be saved with a run; `None` where it follows from the counts of the run."""

    def resume(self, total: int, done: int, position: object) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""


@runtime_checkable
class Positioned(Protocol):
    """An iterator that says where it is, and can be put there."""

    def get_state(self) -> object: ...
    def set_state(self, state: object) -> None: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Arrays(Source):
    """Arrays in memory.

    Attributes:
        data: the arrays.
        limit: how many batches are an epoch, if not all. Epochs are then cut from an endless sequence of passes, as in
            Keras.
        fixed: how many rows the model takes, where it takes no other number.
    """

    data: ArrayData
    limit: int | None = None
    fixed: int | None = None

    @property
    def steps(self) -> int:
        return self.data.steps if self.limit is None else self.limit

    @property
    def size(self) -> int:
        """Rows of a batch that is padded where it is short."""
        return self.fixed or min(self.data.batch_size, self.data.count)

    def example(self) -> PyTree:
        """One row of the inputs, or as many as the model takes."""
        inputs = jax.tree.map(lambda a: a[: self.fixed or 1], self.data.x)
        return pad(inputs, self.fixed) if self.fixed else inputs

    def sample(self) -> Batch:
        """The shapes of a full batch."""
        return self.data.spec(self.size)

    def locate(self, where: Position, batch: int) -> tuple[int, int]:
        """`(the step at which the pass began, the batch within the pass)` of an epoch's batch."""
        if self.limit is None:
            return where.step, batch
        seen = where.epoch * self.limit
        passes, place = divmod(seen + batch, self.data.steps)
        return where.step - seen + passes * self.data.steps, place

    def order(self, seed: np.ndarray | None, begins_at: int) -> np.ndarray | None:
        """The order of the rows in the pass that began at a step; `None` is as they are."""
        return None if seed is None else order_of(seed, begins_at, self.data.count)

    def position(self) -> object:
        """Where the data is, beyond what the run's own counts say: nothing."""
        return None

    def resume(self, total: int, done: int, position: object) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""
        return done

    def first(self) -> Batch:
        """The first batch, in the order in which the arrays are."""
        return self.data.batch(0)

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch."""
        current: tuple[int, np.ndarray | None] | None = None
        for batch in range(skip, self.steps):
            begins_at, place = self.locate(where, batch)
            if current is None or current[0] != begins_at:
                current = (begins_at, self.order(seed, begins_at))
            yield self.data.batch(place, current[1])


@dataclasses.dataclass(eq=False)
class Stream(Source):
    """Something that yields batches.

    Attributes:
        passes: starts one pass.
        length: how many batches a pass has, if known.
        limit: how many batches are an epoch, if not a whole pass.
        restarts: whether a pass begins again at the first batch.
        origin: what the user gave; it may say where it is and be put there, or be told that an epoch ends.
        fixed: how many rows the model takes, where it takes no other number.
    """

    passes: Callable[[], Iterator[Batch]]
    length: int | None
    limit: int | None
    restarts: bool = True
    origin: object = None
    fixed: int | None = None
    _running: Iterator[Batch] | None = None
    _first: Batch | None = None
    _before: object = None  # where an iterator was before that batch was drawn, if it says so

    @property
    def steps(self) -> int | None:
        return self.limit if self.limit is not None else self.length

    def example(self) -> PyTree:
        """One row of the inputs, or as many as the model takes; the batch it is taken from is not lost."""
        return jax.tree.map(lambda a: np.asarray(a)[: self.fixed or 1] if np.ndim(a) else a, self.sample()[0])

    def sample(self) -> Batch:
        """The first batch, which is not lost."""
        if self._first is None:
            self._running = self.passes() if self._running is None else self._running
            positioned = self._positioned()
            self._before = None if positioned is None else positioned.get_state()
            self._first = next(self._running, None)
            if self._first is None:
                raise no_batches(0)
        return to_arrays(self._first)

    def first(self) -> Batch:
        """The first batch, which is not lost."""
        return self.sample()

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; with a limit, epochs are cut from an endless sequence of passes."""
        running = self._running if self._running is not None else self.passes()
        if self._first is not None:
            running, self._first = itertools.chain([self._first], running), None
        if self.limit is None:
            self._running = None
        else:
            running = running if isinstance(running, _Endless) else _Endless(running, self.passes)
            self._running = running
        return map(to_arrays, itertools.islice(running, skip, self.limit))

    def position(self) -> object:
        """Where an iterator is, as it says itself; `None` when it does not."""
        positioned = self._positioned()
        if positioned is not None and self._first is not None:
            return self._before
        return None if positioned is None else positioned.get_state()

    def _positioned(self) -> Positioned | None:
        return None if self.restarts or not isinstance(self.origin, Positioned) else self.origin

    def resume(self, total: int, done: int, position: object) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""
        positioned = self._positioned()
        if position is not None and positioned is not None:
            positioned.set_state(position)
            self._running = self._first = None  # what was looked at comes again, if its turn is still to come
            return 0
        if self.restarts and self.limit is None:
            for _ in range((total - done) // self.length if self.length else 0):
                call(self.origin, "on_epoch_end")  # the dataset may shuffle its items there
            return done
        running = self.passes() if self._running is None else self._running
        if self._first is not None:
            running, self._first = itertools.chain([self._first], running), None
        self._running = _Endless(running, self.passes) if self.limit is not None else running
        next(itertools.islice(self._running, total, total), None)
        return 0


class _Endless(Iterator[Batch]):
    """Passes over a source, one after another; it ends when a pass is empty."""

    def __init__(self, running: Iterator[Batch], passes: Callable[[], Iterator[Batch]]) -> None:
        self.running, self.passes = running, passes

    def __next__(self) -> Batch:
        for batch in self.running:
            return batch
        self.running = self.passes()
        return next(self.running)


def to_arrays(batch: Batch) -> Batch:
    x, y, sample_weight = batch
    if sample_weight is None and are_plain(x, y):  # a quick look, since this runs for each batch
        check_integers(x, "x")
        check_integers(y, "y")
        return batch
    x, y, sample_weight = as_arrays(x), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight")
    if type(x) is np.ndarray and x.ndim and not len(x):
        raise ValueError(
            explain(
                "The data yielded a batch without rows.",
                received=f"x of shape {x.shape}",
                usually="a filter that left nothing, or a last batch that was cut wrongly.",
                write="if len(x): yield x, y",
            )
        )
    return x, y, sample_weight
