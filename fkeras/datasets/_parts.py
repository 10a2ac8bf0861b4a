"""What `load_data` returns, and how a data set of one part is cut into two, as Keras does it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from ..core import explain
from ..core.typing import Shaped

#: Inputs and targets, one row for each example.
Part: TypeAlias = "tuple[Shaped[np.ndarray, 'rows ...'], Shaped[np.ndarray, 'rows ...']]"
#: What is trained on, and what is for the test.
Parts: TypeAlias = tuple[Part, Part]


def shuffled(x: Shaped[np.ndarray, "rows ..."], y: Shaped[np.ndarray, "rows ..."], seed: int) -> Part:
    """Rows in the order of a seed."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    return x[order], y[order]


def cut(x: Shaped[np.ndarray, "rows ..."], y: Shaped[np.ndarray, "rows ..."], test_split: float) -> Parts:
    """The first rows, and the last `test_split` of them."""
    check_split(test_split)
    count = int(len(x) * (1 - test_split))
    return (x[:count].copy(), y[:count].copy()), (x[count:].copy(), y[count:].copy())


def check_split(test_split: float) -> None:
    """Refuse a part of the data that is none.

    Raises:
        ValueError: less than 0, or 1 and more.
    """
    if not 0 <= test_split < 1:
        raise ValueError(
            explain(
                "test_split is the part of the data for the test, from 0 to less than 1.",
                received=f"test_split={test_split!r}",
                usually="a number of rows, or of percent.",
                write="load_data(test_split=0.2)",
            )
        )
