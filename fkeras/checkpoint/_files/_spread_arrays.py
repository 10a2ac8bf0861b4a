"""Arrays that lie on several devices, or on those of several processes, read on the host a part at a time."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from ...core import is_key
from ...core.typing import Array, PyTree
from ...train.distribution import is_first, several_processes

# Rows are brought to the host up to this many bytes at once.
_BLOCK = 4 << 20


def blocks(array: Array | np.ndarray) -> Iterator[np.ndarray]:
    """An array's rows in order, a few at a time, whole on the host.

    Where other processes hold a part of it all of them have to ask, in one order.

    Args:
        array: the array, wherever it lies.

    Returns:
        Arrays that are the whole one when they are put one after the other.
    """
    if not array.size:
        yield np.zeros(array.shape, array.dtype)
    elif not isinstance(array, jax.Array) or array.is_fully_replicated:
        yield np.asarray(array)
    else:
        count = max(1, _BLOCK * array.shape[0] // array.nbytes)
        for begin in range(0, array.shape[0], count):
            yield _rows(array, begin, min(count, array.shape[0] - begin))


def _rows(array: Array, begin: int, count: int) -> np.ndarray:
    """Some rows of an array that lies in parts."""
    if not array.is_fully_addressable:
        if not isinstance(array.sharding, NamedSharding):
            return np.asarray(multihost_utils.process_allgather(array, tiled=True))[begin : begin + count]
        everywhere = NamedSharding(array.sharding.mesh, PartitionSpec())
        return np.asarray(_rows_everywhere(array, begin, count, everywhere))
    found = np.empty((count, *array.shape[1:]), array.dtype)
    for shard in array.addressable_shards:
        of_rows, *rest = shard.index
        first, last, _ = of_rows.indices(array.shape[0])
        low, high = max(first, begin), min(last, begin + count)
        if low < high and shard.replica_id == 0:
            found[(slice(low - begin, high - begin), *rest)] = np.asarray(shard.data)[low - first : high - first]
    return found


@functools.partial(jax.jit, static_argnums=(2, 3))
def _rows_everywhere(array: Array, begin: int, count: int, everywhere: NamedSharding) -> Array:
    rows = jax.lax.dynamic_slice_in_dim(array, begin, count)
    return jax.lax.with_sharding_constraint(rows, everywhere)


def for_the_first(tree: PyTree) -> PyTree:
    """A tree that the first process can write by itself: what other processes have a part of is whole on its host.

    It is brought there leaf by leaf, and every process has to ask. The others get their tree back, and no copy of it.
    """
    return jax.tree.map(_whole, tree) if several_processes() else tree


def _whole(leaf: PyTree) -> PyTree:
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
        return leaf
    if is_key(leaf):
        data = _whole(jax.random.key_data(leaf))
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf)) if is_first() else leaf
    if not is_first():
        for _ in blocks(leaf):
            pass
        return leaf
    found, at = np.empty(leaf.shape, leaf.dtype), 0
    for block in blocks(leaf):
        if not leaf.ndim:
            return block
        found[at : at + len(block)] = block
        at += len(block)
    return found
