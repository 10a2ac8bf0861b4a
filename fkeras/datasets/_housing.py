"""Prices of houses: Boston and California."""

from __future__ import annotations

from ..core import explain
from ..core.typing import FilePath
from ._files import in_cache
from ._npz import read_npz
from ._parts import Parts, check_split, cut, shuffled

_SMALL = 600


def load_boston_housing(path: FilePath = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Parts:
    """Boston's house prices of the 1970s.

    Its authors included a column that appears to assume that racial self-segregation influences prices: it is for
    old scripts, and for showing how data go wrong.

    Args:
        path: what the cache calls the file, or its place elsewhere.
        test_split: the part that is for the test.
        seed: of the order in which rows are cut.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: `(rows, 13)` features and prices in thousands of dollars.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("boston_housing")` gets it.
        ValueError: `test_split` is no number from 0 to 1, or a damaged file.

    Reference: https://keras.io/api/datasets/boston_housing/
    """
    check_split(test_split)
    x, y = read_npz("boston_housing", in_cache("boston_housing", path=path), "x", "y")
    return cut(*shuffled(x, y, seed), test_split)


def load_california_housing(
    version: str = "large", path: FilePath = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Parts:
    """California's house prices of 1990.

    Args:
        version: `"large"`, 20,640 rows, or `"small"`, the first 600 of them.
        path: what the cache calls the file, or its place elsewhere.
        test_split: the part that is for the test.
        seed: of the order in which rows are cut.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: `(rows, 8)` features and prices in dollars.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("california_housing")` gets it.
        ValueError: another version, `test_split` is no number from 0 to 1, or a damaged file.

    Reference: https://keras.io/api/datasets/california_housing/
    """
    check_split(test_split)
    if version not in ("small", "large"):
        raise ValueError(
            explain('version is "small" or "large".', received=repr(version), write='load_data(version="small")')
        )
    x, y = read_npz("california_housing", in_cache("california_housing", path=path), "x", "y")
    rows = slice(_SMALL if version == "small" else None)
    return cut(*shuffled(x[rows], y[rows], seed), test_split)
