"""Data sets of Grain for who knows `tf.data`: what is called otherwise here is answered with the line to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, SupportsIndex

import grain

from ..core.typing import PyTree
from ._tf_data import check_no_options, missing, spread


class InWords(grain.MapDataset):  # type: ignore[misc]
    """A data set of Grain, whose `map` and `filter` take a function of the parts of a tuple too: `lambda x, y: …`."""

    def map(self, transform: object, **options: object) -> After:
        check_no_options("map", options)
        made = super().map(spread(transform))
        return Mapped(made) if hasattr(type(self), "of_pass") else After(made)

    def filter(self, transform: object, **options: object) -> After:
        check_no_options("filter", options)
        return After(super().filter(spread(transform)))

    def batch(self, *args: object, **kwargs: object) -> After:
        return After(super().batch(*args, **kwargs))

    def repeat(self, *args: object, **kwargs: object) -> After:
        return After(super().repeat(*args, **kwargs))

    def seed(self, *args: object, **kwargs: object) -> After:
        return After(super().seed(*args, **kwargs))

    def shuffle(self, *args: object, **kwargs: object) -> After:
        return After(super().shuffle(*args, **kwargs))

    def slice(self, *args: object, **kwargs: object) -> After:
        return After(super().slice(*args, **kwargs))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise AttributeError(missing(name, dir(type(self))))


class After(InWords):
    """What a transformation of Grain's made, entry by entry.

    Args:
        made: the data set.
    """

    def __init__(self, made: grain.MapDataset) -> None:
        super().__init__(made)

    def __len__(self) -> int:
        return len(self.parents[0])

    def __getitem__(self, index: SupportsIndex | slice) -> PyTree:
        return self.slice(index) if isinstance(index, slice) else self.parents[0][index]

    def __str__(self) -> str:
        return str(self.parents[0])

    __repr__ = __str__


class Mapped(After):
    """What `map` made of a data set that has an order of its own for each pass: the same entries in that order."""

    def of_pass(self, number: int) -> Callable[[int], PyTree]:
        """The entries of a pass, by their index in it: those behind the last are of the next pass."""
        return lambda index: self[number * len(self) + index]
