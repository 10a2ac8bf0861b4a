"""Arrays in memory, or something that yields batches: what data is, by its form."""

from __future__ import annotations

import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ...core import explain
from ...core.typing import PyTree
from ._as_arrays import is_whole


def is_arrays(x: PyTree, inputs: PyTree = None, beside: bool = False) -> bool:
    """Whether `x` is arrays in memory rather than something that yields batches.

    As in Keras, a tuple, a dict or a list of arrays is one set with several inputs. A list whose entries are all
    tuples, dicts or lists of arrays is a list of batches, of any length; unless the model was described with such
    inputs.

    Args:
        x: what was given.
        inputs: the inputs a model was described with, if known.
        beside: whether targets were given beside `x`: then lists of lists are inputs.

    Returns:
        `True` for arrays, `False` for what yields batches.
    """
    if x is None or isinstance(x, Iterator | str | bytes):
        return False
    if isinstance(x, list):
        return not are_batches(x, inputs, beside)
    if isinstance(x, type):
        return False
    if hasattr(x, "shape") or isinstance(x, Mapping | tuple | range | bytearray | array.array):
        return True
    if any(hasattr(x, name) for name in ("to_numpy", "__array__", "__array_interface__", "__dlpack__")):
        return True
    return not (isinstance(x, Iterable) or hasattr(x, "__getitem__") or callable(x))


def are_batches(values: Sequence[PyTree], inputs: PyTree = None, beside: bool = False) -> bool:
    """Whether a list is one of batches; see `is_arrays`."""
    kinds: tuple[type, ...] = (tuple, Mapping) if beside else (tuple, Mapping, list)
    if not any(values_are(values, kind) for kind in kinds):
        return False
    if isinstance(inputs, list | tuple) and any(isinstance(part, list | tuple | Mapping) for part in inputs):
        return False
    first = values[0]
    if isinstance(first, list):
        return any(is_whole(v) for v in first)
    parts = list(first.values()) if isinstance(first, Mapping) else first
    if not parts or not all(isinstance(v, int | float) or (hasattr(v, "shape") and not np.ndim(v)) for v in parts):
        return True
    if isinstance(first, Mapping):
        raise ValueError(
            explain(
                "x is a list of records, one for each example.",
                received=f"{len(values)} dicts of numbers, the first with the keys {list(first)[:6]}",
                usually="rows that were read one by one.",
                write="x={name: np.array([row[name] for row in rows]) for name in rows[0]}",
            )
        )
    return False  # rows of numbers


def values_are(values: Sequence[object], kind: type) -> bool:
    """Whether there are values, and all of a kind."""
    return bool(values) and all(isinstance(v, kind) for v in values)
