"""What `fit`, `evaluate` and `predict` draw batches from: arrays in memory, or something that yields batches."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from ..core import explain
from . import _data
from ._data import ArrayData, Batch


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


@dataclasses.dataclass(frozen=True, eq=False)
class Arrays:
    """Arrays in memory.

    Attributes:
        data: the arrays.
        limit: how many batches are an epoch, if not all. Passes over the arrays are then one endless row of batches
            that epochs cut up, as in Keras.
    """

    data: ArrayData
    limit: int | None = None

    @property
    def steps(self) -> int:
        return self.data.steps if self.limit is None else self.limit

    def example(self) -> Any:
        """One row of the inputs."""
        return jax.tree.map(lambda a: a[:1], self.data.x)

    def locate(self, where: Position, batch: int) -> tuple[int, int]:
        """`(the step at which the pass began, the batch within the pass)` of an epoch's batch."""
        if self.limit is None:
            return where.step, batch
        seen = where.epoch * self.limit
        passes, place = divmod(seen + batch, self.data.steps)
        return where.step - seen + passes * self.data.steps, place

    def order(self, seed: np.ndarray | None, begins_at: int) -> np.ndarray | None:
        """The order of the rows in the pass that began at a step; `None` is as they are."""
        return None if seed is None else _data.order_of(seed, begins_at, self.data.count)

    def position(self) -> Any:
        """Where the data is, beyond what the run's own counts say: nothing."""
        return None

    def resume(self, total: int, done: int, position: Any) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""
        return done

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch."""
        known: tuple[int, Any] | None = None
        for batch in range(skip, self.steps):
            begins_at, place = self.locate(where, batch)
            if known is None or known[0] != begins_at:
                known = (begins_at, self.order(seed, begins_at))
            yield self.data.batch(place, known[1])


@dataclasses.dataclass(eq=False)
class Stream:
    """Something that yields batches.

    Attributes:
        passes: starts one pass.
        length: how many batches a pass has, if known.
        limit: how many batches are an epoch, if not a whole pass.
        restarts: whether a pass begins again at the first batch.
        origin: what the user gave; it may say where it is and be put there, or be told that an epoch ends.
    """

    passes: Callable[[], Iterator[Batch]]
    length: int | None
    limit: int | None
    restarts: bool = True
    origin: Any = None
    _running: Iterator[Batch] | None = None
    _first: Batch | None = None

    @property
    def steps(self) -> int | None:
        return self.limit if self.limit is not None else self.length

    def example(self) -> Any:
        """One row of the inputs; the batch it is taken from is not lost."""
        self._running = self.passes() if self._running is None else self._running
        self._first = next(self._running, None)
        if self._first is None:
            raise no_batches(0)
        return jax.tree.map(lambda a: np.asarray(a)[:1], _to_arrays(self._first)[0])

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; with a limit, the passes are one endless row of batches that epochs cut up."""
        running = self._running if self._running is not None else self.passes()
        if self._first is not None:
            running, self._first = itertools.chain([self._first], running), None
        if self.limit is None:
            self._running = None
        else:
            running = running if isinstance(running, _Endless) else _Endless(running, self.passes)
            self._running = running
        return map(_to_arrays, itertools.islice(running, skip, self.limit))

    def position(self) -> Any:
        """Where an iterator is, as it says itself; `None` when it does not."""
        return self.origin.get_state() if self._knows_its_position() else None

    def _knows_its_position(self) -> bool:
        return not self.restarts and hasattr(self.origin, "get_state") and hasattr(self.origin, "set_state")

    def resume(self, total: int, done: int, position: Any) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""
        if position is not None and self._knows_its_position():
            self.origin.set_state(position)
            return 0
        if self.restarts and self.limit is None:
            for _ in range((total - done) // self.length if self.length else 0):
                _data.call(self.origin, "on_epoch_end")  # it may put its items in another order
            return done
        running = self.passes()
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


def _to_arrays(batch: Batch) -> Batch:
    return tuple(_data.as_arrays(part) for part in batch)  # type: ignore[return-value]


def training_source(
    x: Any, y: Any, sample_weight: Any, class_weight: Any, batch_size: Any, validation_split: float, steps: int | None
) -> tuple[Any, ArrayData | None]:
    """The source to train on, and what `validation_split` holds out of it."""
    if not _data.is_arrays(x):
        if y is not None or validation_split:
            raise ValueError(
                explain(
                    "y and validation_split go with arrays; a source of batches yields its own targets.",
                    received=f"x of type {type(x).__name__}",
                    usually="a generator was passed together with y.",
                    write="batches (x, y), and validation_data=...",
                )
            )
        return stream_source(x, steps, class_weight), None
    data = _data.array_data(x, y, sample_weight, batch_size)
    held_out = None
    if validation_split:
        if not 0 < validation_split < 1:
            raise ValueError(
                explain(
                    "validation_split must lie between 0 and 1.",
                    received=validation_split,
                    write="validation_split=0.2",
                )
            )
        cut = int(np.floor(data.count * (1 - validation_split)))
        if cut in (0, data.count):
            raise ValueError(explain("validation_split leaves one side empty.", received=f"{data.count} examples"))
        data, held_out = data.slice(0, cut), data.slice(cut, data.count)
    if class_weight is not None:
        data = dataclasses.replace(data, sample_weight=_data.class_weights(data.y, class_weight, data.sample_weight))
    return Arrays(data, steps), held_out


def stream_source(x: Any, steps: int | None, class_weight: Any = None) -> Stream:
    """Something that yields batches as a source."""
    passes = _data.stream(x)
    if class_weight is not None:
        plain = passes

        def passes() -> Iterator[Batch]:  # type: ignore[misc]
            return ((a, b, _data.class_weights(np.asarray(b), class_weight, w)) for a, b, w in plain())

    once = isinstance(x, Iterator)
    return Stream(passes, _data.length_of(x), steps, restarts=not once, origin=x)


def validation_source(given: Any, held_out: ArrayData | None, batch_size: Any) -> Any:
    """The source of `validation_data`, or of what `validation_split` held out; `None` without either."""
    if given is None:
        return None if held_out is None else Arrays(held_out)
    if isinstance(given, tuple | list) and 1 < len(given) <= 3 and _data.is_arrays(given[0]):
        x, y, weight = _data.unpack(tuple(given))
        return Arrays(_data.array_data(x, y, weight, batch_size))
    return stream_source(given, None)


def one_batch(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Batch:
    """Arrays as one batch."""
    x, y, sample_weight = (_data.as_arrays(part) for part in (x, y, sample_weight))
    data = _data.array_data(x, y, sample_weight, None)
    if class_weight is not None:
        sample_weight = _data.class_weights(data.y, class_weight, data.sample_weight)
    return data.x, data.y, sample_weight
