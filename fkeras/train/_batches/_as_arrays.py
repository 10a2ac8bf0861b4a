"""Pytrees of arrays, of whatever stands for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from ...core import as_array, explain
from ...core.typing import PyTree

# The dtypes that numpy and JAX have in common, in this machine's byte order; arrays of these need no conversion.
PLAIN = frozenset(map(np.dtype, "?bhilqBHILQefdFD"))
_LONG = frozenset(map(np.dtype, "qlQL")) - frozenset(map(np.dtype, "iI"))


def as_arrays(tree: PyTree, what: str = "x") -> PyTree:
    """A pytree of arrays of numbers, of whatever stands for one: see `as_array` of `fkeras.core`.

    Args:
        tree: an array, or dicts, lists and tuples of them; lists of numbers are arrays.
        what: how messages call it.

    Returns:
        The same structure of numpy or JAX arrays.

    Raises:
        TypeError, ValueError: what is no number, and where in the tree it is.
    """
    if isinstance(tree, jax.Array | jax.ShapeDtypeStruct | None):
        return tree
    if type(tree) is np.ndarray and tree.dtype in PLAIN:
        check_integers(tree, what)
        return tree
    if isinstance(tree, Mapping):
        _check_keys(tree, what)
        return {k: as_arrays(v, f"{what}[{k!r}]") for k, v in tree.items()}
    if isinstance(tree, list | tuple) and _is_structure(tree):
        parts = (as_arrays(v, f"{what}[{i}]") for i, v in enumerate(tree))
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if not isinstance(tree, list | tuple) and not jax.tree_util.all_leaves([tree]) and not hasattr(tree, "todense"):
        return jax.tree.map(lambda leaf: as_array(leaf, what), tree)  # a registered class of pytree nodes
    array = as_array(tree, what)
    check_integers(array, what)
    return array


def check_integers(array: object, what: str) -> None:
    """Refuse integers of 64 bits that JAX, without x64, would cut to 32 without a word.

    Raises:
        ValueError: naming the array and its range.
    """
    if type(array) is not np.ndarray or array.dtype not in _LONG or not array.size:
        return
    held = jax.dtypes.canonicalize_dtype(array.dtype)
    if held == array.dtype:
        return
    low, high, bounds = int(array.min()), int(array.max()), np.iinfo(held)
    if low < bounds.min or high > bounds.max:
        raise ValueError(
            explain(
                f"{what} holds integers that {held} cannot hold, and JAX keeps no longer ones by default.",
                received=f"{array.dtype} of shape {array.shape}, from {low} to {high}",
                usually="ids that are hashes or numbers of a database, or times in nanoseconds.",
                write="np.unique(ids, return_inverse=True)[1] for ids, floating numbers for times; or JAX_ENABLE_X64=1",
            )
        )


def _is_structure(values: Sequence[object]) -> bool:
    """Whether a list or tuple holds arrays, rather than rows of numbers."""
    if any(is_whole(v) for v in values):
        return True
    lists = [v for v in values if isinstance(v, list | tuple)]
    # nested lists that cannot be one array but are of one length: several inputs, each with its rows
    return len(lists) == len(values) > 0 and len({len(v) for v in lists}) == 1 and _ragged(values)


def is_whole(value: object) -> bool:
    """Whether a value in a list is an array (or a tree) of its own, not a number of a row or a row of numbers."""
    if isinstance(value, list | tuple):
        return bool(value) and is_whole(value[0])
    return isinstance(value, Mapping) or (np.ndim(value) > 0 if hasattr(value, "shape") else hasattr(value, "to_numpy"))


def _ragged(values: Sequence[object]) -> bool:
    try:
        np.asarray(values)
    except ValueError:
        return True
    return False


def _check_keys(tree: Mapping[object, object], what: str) -> None:
    strange = [k for k in tree if not isinstance(k, str)]
    if strange:
        raise TypeError(
            explain(
                f"The keys of {what} must be names.",
                received=f"keys {list(tree)[:6]}",
                usually="a dict by number, or of rows.",
                write=f"{what}={{'name': array, ...}}",
            )
        )
