"""One level of a nested structure: its keys, its children, and how to put other children in their place."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import jax

from ..core import describe, explain
from ..core.typing import PyTree

_MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict)


@dataclasses.dataclass(frozen=True)
class Node:
    """A list, tuple, dict or another container that is taken apart.

    Attributes:
        kind: what two nodes have in common that are built alike.
        keys: the place of each child.
        children: what is in it, in the order of Keras: a dict's values by sorted key, an OrderedDict's as they stand.
        rebuild: the same container around other children.
    """

    kind: Hashable
    keys: tuple[Hashable, ...]
    children: tuple[PyTree, ...]
    rebuild: Callable[[Sequence[PyTree]], PyTree]


def node_of(structure: PyTree) -> Node | None:
    """A container taken apart; `None` for a leaf, which `None` is too.

    >>> node_of({"b": 1, "a": 2}).children
    (2, 1)
    >>> node_of(3) is None
    True
    """
    kind: Any = type(structure)
    if structure is None:
        return None
    if kind in _MAPPINGS:
        return _mapping(structure)
    if kind in (list, tuple) or (hasattr(kind, "_fields") and issubclass(kind, tuple)):
        make: Any = kind._make if hasattr(kind, "_fields") else kind
        return Node(kind, tuple(range(len(structure))), tuple(structure), make)
    if kind is collections.deque:
        limit = structure.maxlen
        places = tuple(range(len(structure)))
        return Node(kind, places, tuple(structure), lambda children: collections.deque(children, limit))
    return _registered(structure)


def _mapping(structure: Mapping[Hashable, PyTree]) -> Node:
    try:
        keys = tuple(structure) if type(structure) is collections.OrderedDict else tuple(sorted(structure))  # type: ignore[type-var]
    except TypeError:
        raise ValueError(
            explain(
                "The keys of a dict have no order.",
                received=describe(list(structure)),
                usually="keys of several types in one dict.",
                write="a collections.OrderedDict, whose order is that of its entries",
            )
        ) from None

    def rebuild(children: Sequence[PyTree]) -> PyTree:
        values = dict(zip(keys, children, strict=True))
        entries = [(key, values[key]) for key in structure]
        if isinstance(structure, collections.defaultdict):
            return collections.defaultdict(structure.default_factory, entries)
        return type(structure)(entries)  # type: ignore[call-arg]

    return Node((dict, frozenset(structure)), keys, tuple(structure[key] for key in keys), rebuild)


def _registered(structure: PyTree) -> Node | None:
    """A container that JAX knows, such as a dataclass of flax."""
    paths, shape = jax.tree_util.tree_flatten_with_path(structure, is_leaf=lambda part: part is not structure)
    if jax.tree_util.treedef_is_leaf(shape):
        return None
    keys = tuple(_key(path[0]) for path, _ in paths)
    return Node(
        (type(structure), keys),
        keys,
        tuple(child for _, child in paths),
        lambda children: jax.tree_util.tree_unflatten(shape, children),
    )


def _key(entry: PyTree) -> Hashable:
    """The index, key or name that an entry of a path of JAX has."""
    found: Hashable = next(getattr(entry, name) for name in ("idx", "key", "name") if hasattr(entry, name))
    return found
