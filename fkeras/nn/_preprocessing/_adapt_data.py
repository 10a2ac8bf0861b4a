"""What `adapt` is given, as batches: an array, a table, a list, or something that yields batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

import jax
import numpy as np

from ...core import as_array, explain
from ...core.typing import Array, PyTree
from ._host_work import is_text


def batches_of(data: PyTree, text: bool = False, steps: int | None = None) -> Iterator[Array | np.ndarray]:
    """The batches in what `adapt` was given.

    Args:
        data: an array, a table or column of pandas and its kin, or a list of numbers or text, which are one batch; or
            batches: a list of arrays, a generator, a data set that is iterated or indexed. Of a batch `(x, y)` it is
            `x`.
        text: whether arrays of text pass.
        steps: how many batches to use; all by default.

    Returns:
        An iterator over arrays.

    Raises:
        TypeError: what is no array of numbers (or, where `text` says so, of text), and what yields none.
        ValueError: missing values.
    """
    if _is_one_array(data):
        return iter([as_array(data, "data", text)])
    if isinstance(data, Mapping) or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        named = isinstance(data, Mapping)
        raise TypeError(
            explain(
                "`adapt` takes an array, or something that yields batches.",
                received=f"a dict with the keys {list(data)[:6]}" if named else type(data).__name__,
                usually="a dict of columns: each has a layer of its own." if named else "",
                write="layer = layer.adapt(data[name])" if named else "layer = layer.adapt(x)",
            )
        )
    return (as_array(_inputs(batch), "data", text) for batch in itertools.islice(_items(data), steps))


def _is_one_array(data: PyTree) -> bool:
    """Whether a value is an array, or nested lists of numbers or text, rather than batches."""
    if isinstance(data, list | tuple):
        return not any(_is_batch(v) for v in data)
    return _is_array(data) or is_text(data)


def _is_batch(value: object) -> bool:
    return isinstance(value, Mapping) or _is_array(value[0] if isinstance(value, tuple) and value else value)


def _is_array(value: object) -> bool:
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return np.ndim(value) > 0
    return hasattr(value, "to_numpy") or (hasattr(value, "shape") and hasattr(value, "dtype"))


def _items(data: PyTree) -> Iterable[PyTree]:
    """The items of what can be iterated, or has a length and indices (Keras's `PyDataset`)."""
    if hasattr(data, "__iter__"):
        return data
    return (data[i] for i in range(len(data)))


def _inputs(batch: PyTree) -> PyTree:
    """The inputs of a batch, which may come with targets."""
    return batch[0] if isinstance(batch, tuple) and batch else batch
