"""Data sets of batches by index: Keras's `PyDataset`, and whatever has `__len__` and `__getitem__`."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ...core.typing import PyTree
from .._step._batch import Batch, unpack
from ._arrays import order_of
from ._sources import Position, Stream, no_batches, to_arrays
from ._streams import call


def is_indexed(source: object) -> bool:
    """Whether batches are had by index, and may be visited in any order.

    A list is in the order in which it was written. What Grain makes has a `shuffle` of its own; Keras, too, takes it as
    it is.

    >>> is_indexed([1, 2]), is_indexed(iter([1, 2]))
    (False, False)
    """
    if isinstance(source, list | tuple | Mapping | Iterator | type):
        return False
    if any(base.__module__.partition(".")[0] == "grain" for base in type(source).__mro__):
        return False
    return hasattr(source, "__len__") and hasattr(source, "__getitem__")


@dataclasses.dataclass(eq=False, kw_only=True)
class Indexed(Stream):
    """Batches by index, each pass in an order of its own where the run shuffles.

    The order is a function of the seed and of the step at which the pass begins, so a run that is cut off goes on at
    the batch where it was, and no batch before that one is read again. What was looked at is not read twice, unless its
    turn is to come.

    Attributes:
        prepared: what is done to a batch before it is trained on.
    """

    prepared: Callable[[Batch], Batch]
    _open: bool = False  # whether the data set was told that a pass begins, and not yet that it ends
    _looked: Batch | None = None  # the batch at index 0, where the example was taken from

    def sample(self) -> Batch:
        """The batch at index 0."""
        if self._looked is None:
            if not len(self._data):
                raise no_batches(0)
            self._tell_begin()
            self._looked = self._item(0)
        return self._looked

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; with a limit, epochs are cut from an endless sequence of passes."""
        count = len(self._data)
        first = 0 if self.limit is None else where.epoch * self.limit
        last = first + (count if self.limit is None else self.limit)
        if not count:
            return
        at = first + skip
        while at < last:  # pass by pass, or what an epoch has of one
            passes, place = divmod(at, count)
            self._tell_begin()
            begins_at = where.step - first + passes * count
            order = np.arange(count) if seed is None else order_of(seed, begins_at, count)
            end = min(count, place + last - at)
            for batch in self._items(order[place:end].tolist(), again=seed is not None):
                place, at = place + 1, at + 1
                if place == count:  # `fit` asks for no batch after the last one
                    self._tell_end()
                yield batch
        if skip == count and self.limit is None:  # a pass that was seen to its end is told so
            self._tell_begin()
            self._tell_end()

    def index_of(self, seed: np.ndarray | None, where: Position, place: int) -> int:
        """Which batch of the data set comes at a place of an epoch."""
        count = len(self._data)
        first = 0 if self.limit is None else where.epoch * self.limit
        passes, at = divmod(first + place, count)
        return at if seed is None else int(order_of(seed, where.step - first + passes * count, count)[at])

    def resume(self, total: int, done: int, position: object) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""
        count = len(self._data)
        made = total - done if self.limit is None else total
        for _ in range(made // count if count else 0):  # the data set may shuffle its items there
            self._tell_begin()
            self._tell_end()
        return done

    @property
    def _data(self) -> PyTree:
        return self.origin

    def _items(self, indices: list[int], again: bool) -> Iterator[Batch]:
        """The batches at some indices, in that order, which the data set's workers make ahead where it has several."""
        looked, self._looked = self._looked, None

        def item(index: int) -> Batch:
            return looked if looked is not None and index == 0 and not again else self._item(index)

        workers = getattr(self._data, "workers", 1)
        if not isinstance(workers, int) or workers < 2:
            yield from map(item, indices)
            return
        ahead = int(getattr(self._data, "max_queue_size", workers))
        with ThreadPoolExecutor(workers, "fkeras-batches") as pool:
            made = collections.deque[Future[Batch]]()
            try:
                for index in indices:
                    made.append(pool.submit(item, index))
                    if len(made) > ahead:
                        yield made.popleft().result()
                while made:
                    yield made.popleft().result()
            finally:  # an error, or whoever draws the batches wants no more of them
                for future in made:
                    future.cancel()

    def _item(self, index: int) -> Batch:
        return to_arrays(self.prepared(unpack(self._data[index])))

    def _tell_begin(self) -> None:
        if not self._open:
            self._open = True
            call(self.origin, "on_epoch_begin")

    def _tell_end(self) -> None:
        self._open, self._looked = False, None
        call(self.origin, "on_epoch_end")
