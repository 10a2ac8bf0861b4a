"""A Grain data set of files, in batches of numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grain
import numpy as np

from ...core.typing import PyTree
from .._in_words import InWords

#: How many files of a batch are read at once.
_READERS = 8


class DirectoryDataset(InWords):
    """Batches `(x, y)`, or `x` alone, of the files of a directory; a `grain.MapDataset`.

    It has a length and batches by index, `iter` gives an iterator with `get_state` and `set_state` that reads ahead,
    and Grain's `map`, `repeat`, `slice` go on from it; `map` takes a function `(x, y)` too. With `repeat`, each pass
    has an order of its own; `fit` takes those orders too.

    Attributes:
        class_names: the names of the classes, by label; `None` without labels.
        file_paths: the files, before they are shuffled for a pass.
        batch_size: how many files make a batch; `None` for examples one by one.

    Args:
        paths: the files.
        labels: a row for each of them, or none.
        class_names: see above.
        read: a function from a path to what is in the file.
        collate: a function that makes a batch of several.
        batch_size: see above.
        seed: of the order; `None` is the order of `paths`.
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: np.ndarray | None,
        class_names: list[str] | None,
        read: Callable[[str], Any],
        collate: Callable[[list[Any]], np.ndarray],
        batch_size: int | None,
        seed: int | None,
    ) -> None:
        order = grain.MapDataset.range(len(paths))
        super().__init__(order if seed is None else order.shuffle(seed=seed))
        self._order: grain.MapDataset = self.parents[0]
        self.file_paths, self.class_names, self.batch_size = list(paths), class_names, batch_size
        self._labels, self._read, self._collate = labels, read, collate

    def __len__(self) -> int:
        return math.ceil(len(self._order) / (self.batch_size or 1))

    def __getitem__(self, index: Any) -> PyTree:
        if isinstance(index, slice):
            return self.slice(index)
        index = int(index)
        if index < -len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        passes, place = divmod(index if index >= 0 else index + len(self), len(self))  # -1 is the last of this pass
        count, size = len(self._order), self.batch_size or 1
        places = range(place * size, min((place + 1) * size, count))
        rows = [self._order[passes * count + i] % count for i in places]
        paths = [self.file_paths[row] for row in rows]
        if self.batch_size is None:
            x, at = self._read(paths[0]), rows[0]
            return x if self._labels is None else (x, self._labels[at])
        if len(paths) == 1:
            found = [self._read(paths[0])]
        else:
            with ThreadPoolExecutor(min(_READERS, len(paths)), "fkeras-files") as pool:
                found = list(pool.map(self._read, paths))
        x = self._collate(found)
        return x if self._labels is None else (x, self._labels[rows])

    def of_pass(self, number: int) -> Callable[[int], PyTree]:
        """The batches of a pass, by their index in it: pass 0 is what an iterator gives."""
        return lambda index: self[number * len(self) + index]

    def __str__(self) -> str:
        return f"DirectoryDataset(files={len(self.file_paths)}, batch_size={self.batch_size})"

    __repr__ = __str__
