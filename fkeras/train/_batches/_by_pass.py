"""Data sets that have an order of their own for each pass, such as those of the files of a directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np

from ...core.typing import PyTree
from .._step._batch import Batch, unpack
from ._sources import Position, Stream, to_arrays


@runtime_checkable
class HasPasses(Protocol):
    """A data set by index whose order depends on which pass it is."""

    def __len__(self) -> int: ...
    def of_pass(self, number: int) -> Callable[[int], PyTree]:
        """The batches of a pass, by their index in it."""


@dataclasses.dataclass(eq=False, kw_only=True)
class ByPass(Stream):
    """Batches by pass and index: where a run shuffles, epoch after epoch is pass after pass; else each is pass 0.

    Which pass a run begins with follows from the state's step, as the order of arrays does: a second call of `fit` goes
    on with the passes after those of the first. A run that is cut off goes on at the batch where it was, and no batch
    before that one is read again.

    Attributes:
        data: the data set.
        prepared: what is done to a batch before it is trained on.
    """

    data: HasPasses
    prepared: Callable[[Batch], Batch]
    _looked: Batch | None = None  # the first batch, where the example was taken from

    def sample(self) -> Batch:
        """The first batch of pass 0, which is not read twice."""
        if self._looked is None:
            self._looked = self._item(0, 0)
        return self._looked

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; with a limit, epochs are cut from an endless sequence of passes."""
        count = len(self.data)
        steps = count if self.limit is None else self.limit
        first = where.epoch * steps
        before = (where.step - first) // count if count else 0  # passes that the state had seen when the run began
        for at in range(first + skip, first + steps):
            number, place = divmod(at, count)
            yield self._item(before + number if seed is not None else 0, place)

    def resume(self, total: int, done: int, position: object) -> int:
        """Nothing is to be read again."""
        return done

    def _item(self, number: int, place: int) -> Batch:
        looked, self._looked = self._looked, None
        if looked is not None and number == place == 0:
            return looked
        return to_arrays(self.prepared(unpack(self.data.of_pass(number)(place))))
