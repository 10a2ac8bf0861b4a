"""Functions over the leaves of nested structures, and whether structures are alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from ..core import describe, explain
from ..core.typing import PyTree
from ._flat import flatten_with_path
from ._nodes import node_of


def map_structure(func: Callable[..., PyTree], *structures: PyTree, none_is_leaf: bool = True) -> PyTree:
    """A function of the leaves at each place of one or more structures.

    Args:
        func: takes a leaf of each structure.
        *structures: alike, see `assert_same_structure`.
        none_is_leaf: whether the function is called on `None`; otherwise `None` stays.

    Returns:
        The containers of the first structure around what the function returned.

    Raises:
        TypeError: `func` is no function.
        ValueError: no structure, or structures that are not alike.

    >>> map_structure(lambda a, b: a * b, {"x": [1, 2]}, {"x": [3, 4]})
    {'x': [3, 8]}

    Reference: https://keras.io/api/utils/tree/
    """
    _check(func, structures, "map_structure")

    def mapped(*parts: PyTree) -> PyTree:
        if not none_is_leaf and any(part is None for part in parts):
            if all(part is None for part in parts):
                return None
            raise _not_alike(parts)
        children = _children(parts)
        if children is None:
            return func(*parts)
        rebuild, inner = children
        return rebuild([mapped(*row) for row in inner])

    return mapped(*structures)


def map_structure_up_to(shallow_structure: PyTree, func: Callable[..., PyTree], *structures: PyTree) -> PyTree:
    """A function of what each structure has at the places of the leaves of a shallow one.

    Args:
        shallow_structure: how deep to go.
        func: takes a part of each structure.
        *structures: alike as far as the shallow one goes.

    Returns:
        The containers of the shallow structure around what the function returned.

    Raises:
        TypeError: `func` is no function.
        ValueError: no structure, or one that differs above the leaves of the shallow one.

    >>> map_structure_up_to([None, [None]], str, [[1, 1], [2]])
    ['[1, 1]', ['2']]
    """
    _check(func, structures, "map_structure_up_to")

    def mapped(shallow: PyTree, *parts: PyTree) -> PyTree:
        if node_of(shallow) is None:
            return func(*parts)
        children = _children((shallow, *parts))
        assert children is not None
        rebuild, inner = children
        return rebuild([mapped(*row) for row in inner])

    return mapped(shallow_structure, *structures)


def assert_same_structure(a: PyTree, b: PyTree, check_types: bool | None = None) -> None:
    """Raise an error unless two structures are built alike, whatever their leaves are.

    Dicts of every kind are alike where they have the same keys; a list, a tuple and each namedtuple are not.

    Args:
        a, b: any structures.
        check_types: of older Keras; it changes nothing, and says so.

    Raises:
        ValueError: they are not alike.

    >>> assert_same_structure([(0, 1)], [(2, 3)])
    """
    if check_types is not None:
        warnings.warn(
            explain(
                "`check_types` changes nothing.",
                received=check_types,
                usually="lists and tuples were to be alike.",
                write="fk.tree.assert_same_paths(a, b)",
            ),
            DeprecationWarning,
            stacklevel=2,
        )
    map_structure(lambda one, other: None, a, b)


def assert_same_paths(a: PyTree, b: PyTree) -> None:
    """Raise an error unless two structures have leaves at the same places, whatever the containers are.

    Raises:
        ValueError: a place that only one of them has; all are listed.

    >>> assert_same_paths([0, 1], (2, 3))
    """
    ours, theirs = ({path for path, _ in flatten_with_path(part)} for part in (a, b))
    if ours != theirs:
        raise ValueError(
            explain(
                "The structures don't have the same paths.",
                received=f"only in the first: {sorted(map(str, ours - theirs))}; "
                f"only in the second: {sorted(map(str, theirs - ours))}",
                usually="an entry is missing in one of them.",
                write="fk.tree.flatten_with_path(a)   # shows all of them",
            )
        )


def map_shape_structure(func: Callable[[PyTree], PyTree], structure: PyTree) -> PyTree:
    """A function of the shapes in a structure: of tuples and lists of whole numbers and `None`.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), ()]})
    {'a': 2, 'b': [1, 0]}
    """
    _check(func, (structure,), "map_shape_structure")

    def mapped(part: PyTree) -> PyTree:
        is_shape = isinstance(part, list | tuple) and all(isinstance(size, int | None) for size in part)
        node = None if is_shape else node_of(part)
        return func(part) if node is None else node.rebuild([mapped(child) for child in node.children])

    return mapped(structure)


def _children(
    parts: tuple[PyTree, ...],
) -> tuple[Callable[[list[PyTree]], PyTree], list[tuple[PyTree, ...]]] | None:
    """How to build the first of some containers again, and what they have at each place; `None` for leaves."""
    nodes = [node_of(part) for part in parts]
    first = nodes[0]
    if first is None and all(node is None for node in nodes):
        return None
    if first is None or any(node is None or node.kind != first.kind for node in nodes):
        raise _not_alike(parts)
    if any(len(node.keys) != len(first.keys) for node in nodes if node is not None):
        raise _not_alike(parts)
    by_key = [dict(zip(node.keys, node.children, strict=True)) for node in nodes if node is not None]
    return first.rebuild, [tuple(children[key] for children in by_key) for key in first.keys]


def _not_alike(parts: tuple[PyTree, ...]) -> ValueError:
    return ValueError(
        explain(
            "The structures don't have the same nested structure.",
            received=" and ".join(describe(part) for part in parts),
            usually="a list in one and a tuple in the other, or an entry that is missing.",
            write="fk.tree.assert_same_paths(a, b), which says where their places differ",
        )
    )


def _check(func: object, structures: tuple[PyTree, ...], name: str) -> None:
    if not callable(func):
        raise TypeError(
            explain(
                f"fk.tree.{name} takes a function.",
                received=describe(func),
                usually="the arguments changed places.",
                write=f"fk.tree.{name}(function, structure)",
            )
        )
    if not structures:
        raise ValueError(
            explain(
                f"fk.tree.{name} takes a structure.",
                received="none",
                usually="an argument is missing.",
                write=f"fk.tree.{name}(function, structure)",
            )
        )
