"""`split_dataset`: one data set as two."""

from __future__ import annotations

import dataclasses
import random
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import jax
import numpy as np

from ..core import describe, explain
from ..core.typing import PyTree
from ._grain import ByIndex, is_of_grain, map_dataset

if TYPE_CHECKING:
    from grain import MapDataset

Split: TypeAlias = "MapDataset[PyTree] | list[PyTree]"


def split_dataset(
    dataset: PyTree,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Split, Split]:
    """A data set as two: its first examples and its last ones.

    Args:
        dataset: an array, or a tuple, list or dict of arrays of one length, whose rows are the examples; a data set of
            Grain, or anything with a length and entries; or other examples: a list of them, or an iterable, which is
            read to its end.
        left_size: how many examples the first has, or which part of them, a float between 0 and 1; the others by
            default.
        right_size: the same of the second. Where both are given, what is between them is left out.
        shuffle: whether examples are put in another order before.
        seed: of that order, which is Keras's for the same seed; 0 by default.
        preferred_backend: Keras's word for the library of the result; only `None` and `"jax"`.

    Returns:
        Two data sets of Grain, of examples: `left.batch(32)` is what `fit` takes. Of a list or an iterable, two lists.

    Raises:
        ValueError: no size, one that is out of range, no examples in a part, or arrays of several lengths.
        TypeError: what has no examples.
        ImportError: Grain is not installed (`pip install 'fkeras[data]'`).

    >>> left, right = split_dataset((np.arange(10), np.arange(10) ** 2), left_size=0.8)
    >>> len(left), len(right), right[0]
    (8, 2, (np.int64(8), np.int64(64)))

    Reference: https://keras.io/api/utils/python_utils/
    Unlike Keras without a seed the order is that of seed 0, and what Grain batched is split by its batches.
    """
    if preferred_backend not in (None, "jax"):
        raise _wrong("Here a part is a data set of Grain or a list.", repr(preferred_backend), "preferred_backend=None")
    examples = _examples(dataset)
    count = len(examples)
    if count >= sys.maxsize:
        raise _wrong("A data set without an end has no last examples.", describe(dataset), "dataset without .repeat()")
    left, right = _sizes(left_size, right_size, count)
    order = list(range(count))
    if shuffle:
        random.Random(int(seed or 0)).shuffle(order)
    parts = order[:left], order[count - right :]
    if isinstance(examples, list):
        first, second = ([examples[place] for place in part] for part in parts)
        return first, second
    return map_dataset(_Chosen(examples, parts[0])), map_dataset(_Chosen(examples, parts[1]))


@dataclasses.dataclass(frozen=True)
class _Chosen:
    """Some entries of what has entries.

    Attributes:
        source: all of them.
        order: which, and in which order.
    """

    source: ByIndex
    order: Sequence[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> PyTree:
        return self.source[self.order[index]]


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Rows of arrays.

    Attributes:
        columns: a pytree of arrays of one length.
    """

    columns: PyTree

    def __len__(self) -> int:
        return len(jax.tree.leaves(self.columns)[0])

    def __getitem__(self, index: int) -> PyTree:
        return jax.tree.map(lambda column: column[index], self.columns)


def _examples(data: PyTree) -> ByIndex:
    """What has the examples by their index; a list where they are copied."""
    if isinstance(data, str | bytes):
        raise TypeError(_no_examples(data))
    if _is_array(data) or (isinstance(data, tuple | dict) and data and all(map(_is_array, jax.tree.leaves(data)))):
        return _rows(data)
    if isinstance(data, list):
        return _rows(tuple(data)) if data and all(map(_is_array, data)) else list(data)
    if hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, tuple | dict):
        return cast(ByIndex, data)
    if isinstance(data, Iterable) and not isinstance(data, dict):
        found = list(data)
        return _Chosen(found, range(len(found))) if is_of_grain(data) else found
    raise TypeError(_no_examples(data))


def _is_array(data: object) -> bool:
    return isinstance(data, np.ndarray | jax.Array) and data.ndim > 0


def _rows(columns: PyTree) -> _Rows:
    held = jax.tree.map(np.asarray, columns)
    lengths = {len(column) for column in jax.tree.leaves(held)}
    if len(lengths) > 1:
        raise _wrong("The arrays of a data set have one length.", describe(columns), "arrays of as many rows")
    return _Rows(held)


def _no_examples(data: object) -> str:
    return explain(
        "split_dataset takes arrays, a data set of Grain, a list of examples, or an iterable.",
        received=describe(data),
        usually="a part of a data set, or a number.",
        write="left, right = fk.utils.split_dataset((x, y), left_size=0.8)",
    )


def _sizes(left: float | None, right: float | None, count: int) -> tuple[int, int]:
    """How many examples each part has."""
    if left is None and right is None:
        raise _wrong("A split needs the size of a part.", "left_size=None, right_size=None", "left_size=0.8")
    first, second = _size("left_size", left, count), _size("right_size", right, count)
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise _wrong("The parts are more than the whole.", f"left_size={left}, right_size={right}", "left_size=0.8")
    first = count - cast(int, second) if first is None else first
    second = count - first if second is None else second
    if first <= 0 or second <= 0 or first + second > count:
        received = f"{count} examples as {first} and {second}; left_size={left}, right_size={right}"
        raise _wrong("A part has no examples, or both have more than there are.", received, "left_size=0.5")
    return first, second


def _size(name: str, told: float | None, count: int) -> int | None:
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int | float | np.integer | np.floating):
        raise TypeError(
            explain(f"{name} is a number of examples, or a part of them.", received=repr(told), write=f"{name}=0.8")
        )
    is_part = isinstance(told, float | np.floating)
    if not 0 < told < (1 if is_part else count):
        most = "a float between 0 and 1" if is_part else f"a whole number from 1 to {count - 1}"
        raise _wrong(f"{name} is {most}.", f"{name}={told}", f"{name}=0.8")
    return round(told * count) if is_part else int(told)


def _wrong(what: str, received: str, line: str) -> ValueError:
    return ValueError(
        explain(what, received=received, usually="percent for a part, or a data set of another size.", write=line)
    )
