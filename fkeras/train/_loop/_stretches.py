"""Large arrays on their way to an accelerator, in stretches of rows, while the first steps run."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.typing import PyTree
from .._batches._sources import Arrays
from .._step._batch import rows
from .._step._learner import Learner
from .._step._placed import put_everywhere
from ._device_memory import nbytes, on_cpu

# Smaller arrays are there before the first step is compiled.
_LARGE, _STRETCH = 2**26, 2**25


def stretch_for(source: Arrays) -> int:
    """How many bytes go to the device at a time; 0 where arrays go as a whole, or are there."""
    leaves = jax.tree.leaves(source.data.tree)
    on_host = all(isinstance(leaf, np.ndarray) for leaf in leaves)
    return _STRETCH if on_host and not on_cpu() and nbytes(leaves) >= _LARGE else 0


class Stretches:
    """Arrays that a pass can begin with before they are all on the device.

    Their rows lie there in the order in which the first pass takes them, so that its first batches are there after the
    first stretch; the orders of later passes are told in these places. So a step takes the same rows by the same
    program as from arrays that were copied as a whole.

    Args:
        trainer: the trainer.
        tree: arrays of numpy.
        order: the order of the first pass's rows; `None` is as they are.
        begin: the first row of that pass that is needed.
        size: how many bytes go at a time.
    """

    def __init__(self, trainer: Learner, tree: PyTree, order: np.ndarray | None, begin: int, size: int) -> None:
        self.trainer, self.tree, self.order = trainer, tree, order
        self.count = rows(tree)
        self.at_once = min(self.count, max(1, size * self.count // max(1, nbytes(tree))))
        self.begin, self.end, self.before = begin, begin, 0
        self.arrays = put_everywhere(trainer, jax.tree.map(lambda a: np.zeros((1, *a.shape[1:]), a.dtype), tree))
        self.arrays = _room(self.arrays, self.count)
        self.place_of: np.ndarray | None = None

    def until(self, stop: int) -> PyTree:
        """The arrays, in which the first pass's rows are there up to `stop`."""
        while self.end < min(stop, self.count):
            self.end = self._send(self.end, self.count)
        return self.arrays

    def whole(self) -> PyTree:
        """The arrays, with all rows."""
        self.until(self.count)
        while self.before < self.begin:
            self.before = self._send(self.before, self.begin)
        return self.arrays

    def places(self, order: np.ndarray | None) -> np.ndarray | None:
        """Where the rows of a pass are, in its order."""
        if order is None or self.order is None:
            return order
        if self.place_of is None:
            self.place_of = np.empty(self.count, np.int32)
            self.place_of[self.order] = np.arange(self.count, dtype=np.int32)
        found: np.ndarray = self.place_of[order]
        return found

    def _send(self, start: int, end: int) -> int:
        """The next rows; where they end."""
        stop = min(start + self.at_once, end)
        chosen: Any = slice(start, stop) if self.order is None else self.order[start:stop]
        sent = put_everywhere(self.trainer, jax.tree.map(lambda a: a[chosen], self.tree))
        self.arrays = _put_in(self.arrays, sent, jax.device_put(np.array(start, np.int32)))
        return stop


@functools.partial(jax.jit, static_argnums=1)
def _room(like: PyTree, count: int) -> PyTree:
    """Arrays of so many rows, made where they will lie."""
    return jax.tree.map(lambda a: jnp.zeros((count, *a.shape[1:]), a.dtype), like)


@functools.partial(jax.jit, donate_argnums=0)
def _put_in(arrays: PyTree, some: PyTree, start: jax.Array) -> PyTree:
    return jax.tree.map(lambda a, s: lax.dynamic_update_slice_in_dim(a, s, start, 0), arrays, some)
