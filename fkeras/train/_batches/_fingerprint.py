"""A fingerprint of data: told apart are other arrays, another order, another dtype."""

from __future__ import annotations

import hashlib

import jax
import numpy as np

from ...core import plain_path_name
from ...core.typing import PyTree
from ._sources import Arrays, Stream

# So many bytes of each array are looked at, which takes some ten milliseconds: all of a small one, and of a larger one
# rows that lie evenly between the first and the last.
_MOST = 2**24


def fingerprint(source: Arrays | Stream | None) -> str | None:
    """A text that follows from the arrays of a source or a list of batches; `None` of other data and parts of arrays.

    Of a list's batches so many are looked at as have the bytes of one array, evenly between the first and the last.

    >>> from ._arrays import array_data
    >>> ones, zeros = np.ones((4, 2), "float32"), np.zeros((4, 2), "float32")
    >>> one, other = (fingerprint(Arrays(array_data(a, None, None, 2))) for a in (ones, zeros))
    >>> one == other, one == fingerprint(Arrays(array_data(ones, None, None, 3)))
    (False, True)
    """
    if isinstance(source, Arrays):
        return _of_trees([source.data.tree])
    batches = source.origin if isinstance(source, Stream) else None
    if not isinstance(batches, list) or not batches:
        return None
    size = sum(getattr(leaf, "nbytes", 8) for leaf in jax.tree.leaves(batches[0]))
    count = max(2, _MOST // max(1, size))
    places = range(len(batches)) if count >= len(batches) else np.linspace(0, len(batches) - 1, count).astype(int)
    return _of_trees([len(batches), *(batches[place] for place in places)])


def _of_trees(trees: list[PyTree]) -> str | None:
    found = hashlib.sha256()
    for path, leaf in (pair for tree in trees for pair in jax.tree_util.tree_leaves_with_path(tree)):
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
            return None
        array = leaf if isinstance(leaf, jax.Array | np.ndarray) else np.asarray(leaf)
        array = array if array.ndim else array.reshape(1)
        found.update(f"{plain_path_name(path)} {array.dtype} {np.shape(leaf)} ".encode())
        rows = max(1, _MOST * len(array) // max(1, array.nbytes))
        some = array if rows >= len(array) else array[np.linspace(0, len(array) - 1, rows).astype(np.int32)]
        some = np.asarray(some)
        found.update(repr(some.tolist()).encode() if some.dtype.kind in "OT" else np.ascontiguousarray(some).tobytes())
    return found.hexdigest()[:32]
