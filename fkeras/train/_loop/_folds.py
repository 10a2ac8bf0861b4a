"""Folds: which rows each member trains on, and which it is validated on."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...core import explain
from ...core.typing import PyTree


@dataclasses.dataclass(frozen=True, eq=False)
class Folds:
    """The rows of each fold.

    Attributes:
        trains: of shape (folds, rows), whether a row is trained on; a fold is validated on the others.
    """

    trains: np.ndarray

    @property
    def count(self) -> int:
        """How many folds there are."""
        return len(self.trains)

    @property
    def size(self) -> int:
        """How many rows an epoch has: those that each fold has to train on.

        Where the parts are not equal, the larger ones leave rows out, in each epoch those that their order has last.
        """
        return int(self.trains.sum(1).min())

    def training(self, fold: int) -> np.ndarray:
        """The rows that a fold's members train on."""
        return np.flatnonzero(self.trains[fold])

    def held_out(self, fold: int) -> np.ndarray:
        """The rows that they are validated on."""
        return np.flatnonzero(~self.trains[fold])

    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        """`(rows, valid)` of shape (folds, most rows of a fold): shorter ones are filled up with what is not valid."""
        parts = [self.held_out(fold) for fold in range(self.count)]
        rows = np.zeros((len(parts), max(map(len, parts))), np.int32)
        valid = np.zeros(rows.shape, bool)
        for fold, part in enumerate(parts):
            rows[fold, : len(part)], valid[fold, : len(part)] = part, True
        return rows, valid


def folds_of(folds: PyTree, count: int) -> Folds | None:
    """What `folds=` says.

    Args:
        folds: how many equal parts, to which rows are drawn (the draw is always the same); the number of each row's
            part; or a boolean of shape (folds, rows), which rows a fold trains on.
        count: how many rows there are.

    Raises:
        ValueError: something else, or a fold without rows.

    >>> folds = folds_of(5, 10)
    >>> folds.count, folds.size, sorted(np.concatenate([folds.held_out(i) for i in range(5)]).tolist())
    (5, 8, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    if folds is None:
        return None
    given = np.asarray(folds)
    if given.ndim == 0 and given.dtype.kind in "iu" and 2 <= given <= count:
        part = np.empty(count, int)
        part[np.random.default_rng(0).permutation(count)] = np.arange(count) % int(given)
        return Folds(part != np.arange(int(given))[:, None])
    if given.shape == (count,) and given.dtype.kind in "iu":
        if given.min() < 0:
            raise ValueError(
                explain(
                    "Parts of rows are numbered from 0.",
                    received=f"{given.min()} among the parts",
                    usually="rows that no fold is to hold out, -1 in scikit-learn's PredefinedSplit.",
                    write="folds=numpy.arange(parts.max() + 1)[:, None] != parts   # which rows a fold trains on",
                )
            )
        return _checked(given != np.unique(given)[:, None])
    if given.ndim == 2 and given.shape[1] == count and given.dtype == bool:
        return _checked(given)
    raise ValueError(
        explain(
            f"folds says how {count} rows are parted.",
            received=f"{folds!r}"[:80] if given.ndim == 0 else f"an array of {given.dtype} of shape {given.shape}",
            usually="more folds than rows, one fold alone, or an iterator of scikit-learn's.",
            write=f"folds=5, the number of each row's part, of shape ({count},), or a boolean of shape (5, {count})",
        )
    )


def _checked(trains: np.ndarray) -> Folds:
    if len(trains) and trains.any(1).all() and (~trains).any(1).all():
        return Folds(trains)
    raise ValueError(
        explain(
            "Each fold has rows to train on, and rows to be validated on.",
            received=f"{trains.sum(1).tolist()} of {trains.shape[1]} rows to train on"[:120],
            write="folds=5",
        )
    )
