"""Arrays in memory, cut into batches."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from ...core import explain
from ...core.typing import PyTree
from .._step._batch import Batch, rows, spec
from ._as_arrays import PLAIN, as_arrays
from ._checked_arrays import check_lengths, check_weights


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayData:
    """Batches of arrays in memory.

    Attributes:
        x, y, sample_weight: pytrees of arrays of one length.
        batch_size: rows in a batch; the last may have fewer.
    """

    x: PyTree
    y: PyTree
    sample_weight: PyTree
    batch_size: int

    @functools.cached_property
    def count(self) -> int:
        return rows(self.x)

    @property
    def steps(self) -> int:
        return -(-self.count // self.batch_size)

    @property
    def tree(self) -> Batch:
        """All the arrays."""
        return self.x, self.y, self.sample_weight

    def batch(self, place: int, order: np.ndarray | None = None) -> Batch:
        """The batch at a place, of the rows in the given order."""
        start, stop = place * self.batch_size, min((place + 1) * self.batch_size, self.count)
        rows = slice(start, stop) if order is None else order[start:stop]
        leaves, treedef = self._flat
        return jax.tree.unflatten(treedef, [_rows(leaf, rows) for leaf in leaves])

    @functools.cached_property
    def _flat(self) -> tuple[list[np.ndarray], jax.tree_util.PyTreeDef]:
        return jax.tree.flatten(self.tree)

    def spec(self, size: int) -> Batch:
        """Shapes and dtypes of a batch of so many rows, as a device has them."""
        return spec(self.tree, size)

    def slice(self, start: int, stop: int) -> ArrayData:
        """Some of the rows."""
        parts = jax.tree.map(lambda a: a[start:stop], self.tree)
        return ArrayData(parts[0], parts[1], parts[2], self.batch_size)


def array_data(x: PyTree, y: PyTree, sample_weight: PyTree, batch_size: int | None) -> ArrayData:
    """Arrays, checked to have one length.

    Raises:
        TypeError: what is no array of numbers.
        ValueError: arrays of different lengths, each named; no rows; a batch size that is no positive integer; weights
            that are infinite or NaN.
    """
    x, y, sample_weight = as_arrays(x), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight")
    check_lengths(x, y, sample_weight)
    size = 32 if batch_size is None else batch_size
    if isinstance(size, bool) or not hasattr(size, "__index__") or size < 1:
        raise ValueError(explain("batch_size must be a positive integer.", received=repr(size), write="batch_size=32"))
    if isinstance(x, jax.Array | np.ndarray) or jax.tree.leaves(x):
        x, y, sample_weight = jax.tree.map(_indexable, (x, y, sample_weight))
    check_weights(sample_weight)
    return ArrayData(x, y, sample_weight, int(size))


def are_plain(x: object, y: object) -> bool:
    """Whether a batch is plain numpy arrays of one length, as most are; a quick check that avoids the thorough ones.

    >>> x = np.ones((4, 2), "float32")
    >>> are_plain(x, None), are_plain(x, x), are_plain(x, x[1:]), are_plain(x, x.tolist())
    (True, True, False, False)
    """
    if type(x) is not np.ndarray or x.dtype not in PLAIN or not x.ndim or not len(x):
        return False
    return y is None or (type(y) is np.ndarray and y.dtype in PLAIN and y.shape[:1] == x.shape[:1])


def _rows(leaf: np.ndarray | jax.Array, rows: slice | np.ndarray) -> np.ndarray | jax.Array:
    """Some rows of an array, which are taken where it is."""
    if isinstance(leaf, np.ndarray):
        return leaf[rows]
    places = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
    return leaf.at[jax.device_put(places.astype(np.int32))].get(mode="promise_in_bounds")


def is_on_accelerator(leaf: Any) -> bool:
    """Whether an array is on a device whose memory numpy cannot read, or spread over several devices."""
    devices: Any = leaf.sharding.device_set if isinstance(leaf, jax.Array) else ()
    return len(devices) > 1 or any(device.platform != "cpu" for device in devices)


def _indexable(leaf: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
    """Arrays whose rows can be taken cheaply: those of a device there, a CPU's by numpy, which reads them in place."""
    if isinstance(leaf, jax.Array):
        return leaf if is_on_accelerator(leaf) else np.asarray(leaf)
    # float64 is converted once, not batch by batch, unless JAX was told to keep it
    narrow = jax.dtypes.canonicalize_dtype(leaf.dtype) if leaf.dtype == np.float64 else leaf.dtype
    return leaf if narrow == leaf.dtype else leaf.astype(narrow)


def order_of(rng_data: np.ndarray, step: int, count: int) -> np.ndarray:
    """The order of an epoch's rows: a function of the run's seed and of the step at which the epoch begins."""
    # words of an array are taken as they are; numpy takes a list of numbers to pieces, to the same words
    return np.random.default_rng(np.append(rng_data.ravel(), np.uint32(step))).permutation(count)
