"""Nested structures as lists, and walks over them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator

from ..core import describe, explain
from ..core.typing import PyTree
from ._nodes import node_of


class MAP_TO_NONE:  # noqa: N801 - the name that Keras has
    """What a function given to `traverse` returns to put `None` in the place of what it got."""


def is_nested(structure: PyTree) -> bool:
    """Whether something is a list, tuple, dict or another container, and no leaf.

    >>> is_nested([1]), is_nested(1), is_nested(None)
    (True, False, False)

    Reference: https://keras.io/api/utils/tree/
    """
    return node_of(structure) is not None


def flatten(structure: PyTree) -> list[PyTree]:
    """The leaves, those of a dict by sorted key; unlike `jax.tree.leaves`, `None` is one.

    Args:
        structure: anything; containers that JAX knows are taken apart too.

    Returns:
        A list.

    Raises:
        ValueError: a dict whose keys have no order.

    >>> flatten({"b": [1, None], "a": (2,)})
    [2, 1, None]
    """
    node = node_of(structure)
    return [structure] if node is None else [leaf for child in node.children for leaf in flatten(child)]


def flatten_with_path(structure: PyTree) -> list[tuple[tuple[Hashable, ...], PyTree]]:
    """The leaves with their places: indices, and the keys of dicts.

    >>> flatten_with_path([{"foo": 42}])
    [((0, 'foo'), 42)]
    """
    node = node_of(structure)
    if node is None:
        return [((), structure)]
    inner = zip(node.keys, node.children, strict=True)
    return [((key, *path), leaf) for key, child in inner for path, leaf in flatten_with_path(child)]


def pack_sequence_as(structure: PyTree, flat_sequence: Iterable[PyTree]) -> PyTree:
    """The inverse of `flatten`: the same containers around other leaves.

    Args:
        structure: what the result is built like.
        flat_sequence: the leaves, in the order of `flatten`.

    Returns:
        A structure like the one given, with these leaves.

    Raises:
        ValueError: too few or too many leaves.

    >>> pack_sequence_as({"b": 0, "a": (0, 0)}, [1, 2, 3])
    {'b': 3, 'a': (1, 2)}
    """
    leaves = list(flat_sequence)
    count = len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(
            explain(
                f"The structure has {count} leaves.",
                received=f"{len(leaves)} of them",
                usually="leaves of another structure.",
                write="fk.tree.pack_sequence_as(structure, fk.tree.flatten(structure))",
            )
        )
    return _packed(structure, iter(leaves))


def _packed(structure: PyTree, leaves: Iterator[PyTree]) -> PyTree:
    node = node_of(structure)
    return next(leaves) if node is None else node.rebuild([_packed(child, leaves) for child in node.children])


def traverse(func: Callable[[PyTree], PyTree], structure: PyTree, top_down: bool = True) -> PyTree:
    """Call a function on every part of a structure, containers and leaves.

    Args:
        func: gets a part, and returns what takes its place; `None` to keep it, `MAP_TO_NONE` for `None`.
        structure: anything.
        top_down: whether containers come before what is in them; what takes a container's place is not entered.

    Returns:
        The structure with what took the place of its parts.

    Raises:
        TypeError: `func` is no function.

    >>> traverse(lambda part: sum(part) if isinstance(part, tuple) else None, [(1, 2), {"a": (3, 4)}])
    [3, {'a': 7}]
    """
    if not callable(func):
        raise TypeError(
            explain(
                "fk.tree.traverse takes a function first.",
                received=describe(func),
                usually="the arguments changed places.",
                write="fk.tree.traverse(function, structure)",
            )
        )
    if top_down:
        found = func(structure)
        return _inside(func, structure, True) if found is None else _kept(found)
    walked = _inside(func, structure, False)
    found = func(walked)
    return walked if found is None else _kept(found)


def _inside(func: Callable[[PyTree], PyTree], structure: PyTree, top_down: bool) -> PyTree:
    node = node_of(structure)
    if node is None:
        return structure
    return node.rebuild([traverse(func, child, top_down) for child in node.children])


def _kept(found: PyTree) -> PyTree:
    return None if found is MAP_TO_NONE else found


def lists_to_tuples(structure: PyTree) -> PyTree:
    """The same with tuples in place of lists.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)
