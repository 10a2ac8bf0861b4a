"""A data set that is a class of a user's own: a length and batches by their index."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import numpy as np

from ..core import explain
from ..core.typing import Batch


class PyDataset:
    """A data set: override `__getitem__(self, index)`, which returns a batch, and `__len__`, how many there are.

    `fit`, `evaluate` and `predict` take one, as they take any object with a length and items. `on_epoch_begin` and
    `on_epoch_end` are called around each pass.

    Args:
        workers: how many threads make batches, ahead of the step that takes them, in their order; 1 makes them in the
            thread that prefetches. `__getitem__` is then called by several threads at once.
        use_multiprocessing: what it is in Keras by default, and nothing else: a warning says so.
        max_queue_size: how many batches are made ahead at most, where there are several workers.

    Raises:
        ValueError: no whole number of workers, or of batches.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...
    ...     def __getitem__(self, index):
    ...         return [index], [index**2]
    >>> list(Squares())
    [([0], [0]), ([1], [1])]

    Reference: https://keras.io/api/utils/python_utils/
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        for name, count in (("workers", workers), ("max_queue_size", max_queue_size)):
            is_whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
            if not is_whole or count < (name == "max_queue_size"):
                raise ValueError(
                    explain(f"PyDataset: {name} is a whole number.", received=f"{name}={count!r}", write="workers=4")
                )
        if use_multiprocessing:
            warnings.warn(
                explain(
                    "A PyDataset makes its batches in threads, so this changes nothing.",
                    received=f"use_multiprocessing={use_multiprocessing}",
                    usually="batches that are computed in Python, where threads wait for each other.",
                    write="grain.MapDataset.source(dataset).to_iter_dataset().mp_prefetch(), given to fit",
                ),
                stacklevel=3,
            )
        self.workers, self.max_queue_size = int(workers), int(max_queue_size)
        self.use_multiprocessing = use_multiprocessing

    def __getitem__(self, index: int) -> Batch:
        """The batch at an index."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} has no __getitem__.",
                usually="the method of a subclass is missing.",
                write="def __getitem__(self, index): return x, y",
            )
        )

    def __iter__(self) -> Iterator[Batch]:
        count = self.num_batches
        return (self[index] for index in (itertools.count() if count is None else range(count)))

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; `None` without end."""
        count = getattr(self, "__len__", None)
        if count is not None:
            return int(count())
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} has no __len__.",
                usually="the method of a subclass is missing.",
                write="def __len__(self): return 10",
            )
        )

    def on_epoch_begin(self) -> None:
        """Called before the first batch of a pass."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of a pass."""


#: The name that Keras 2 had for it.
Sequence = PyDataset
