"""Trees made of arrays by path, or with some of their arrays replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
from jax.tree_util import KeyPath

from ...core import ArraySpec, as_leaf, path_name
from ...core.typing import PyTree

#: The name of a leaf at one of JAX's key paths.
NameOf: TypeAlias = Callable[[KeyPath], str]
#: Shape and dtype of each array of a tree, or of a file, by path.
ArraySpecs: TypeAlias = Mapping[str, ArraySpec]


def unflatten(
    like: PyTree, arrays: Mapping[str, PyTree], name: NameOf = path_name, impls: Mapping[str, str] | None = None
) -> PyTree:
    """Arrays by path in the structure of `like`, random keys made from their raw data again.

    Args:
        like: a tree of arrays or shapes.
        arrays: one for each leaf.
        name: how paths are written.
        impls: the generator of the random keys at a path, where it is not that of `like`.

    Returns:
        The tree.
    """
    generators = impls or {}

    def place(path: KeyPath, leaf: PyTree) -> PyTree:
        at = name(path)
        return as_leaf(arrays[at], leaf, generators.get(at))

    return jax.tree_util.tree_map_with_path(place, like)


def with_arrays(tree: PyTree, arrays: Mapping[str, PyTree], name: NameOf = path_name) -> PyTree:
    """A tree with arrays by path in the place of some of its leaves."""

    def place(path: KeyPath, leaf: PyTree) -> PyTree:
        at = name(path)
        return as_leaf(arrays[at], leaf) if at in arrays else leaf

    return jax.tree_util.tree_map_with_path(place, tree)
