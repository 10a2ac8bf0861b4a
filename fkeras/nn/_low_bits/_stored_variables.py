"""The variables of a float model in the form in which a model made from it keeps them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Mapping
from typing import TypeVar

import jax

from ...core import Model, join_path, named_leaves, split_path, stacks_around
from ...core.typing import PyTree, Variables
from ._chosen_layers import storage_for, storages
from ._weight_storage import ConvertibleStorage

T = TypeVar("T")


def convert_variables(model: Model, variables: Variables, own_names: Container[str] = ()) -> Variables:
    """Variables of the float model in the form in which `model`, made from it, keeps them.

    Args:
        model: the model.
        variables: those of the float model.
        own_names: the names of the model's own variables, as far as they are known. A weight with one of these names
            stays as it is: those of Linen modules, above all.

    Returns:
        New variables; those that were given do not change.
    """
    table = storages(model)
    moved: dict[str, dict[str, jax.Array]] = {}
    for name, leaf in named_leaves(dict(variables)).items():
        collection, *path, last = split_path(name)
        if collection == "params" and name not in own_names:
            storage = storage_for(table, tuple(path))
            if not isinstance(storage, ConvertibleStorage):
                continue
            parts = mapped_over_blocks(model, tuple(path), functools.partial(storage.convert, last))(leaf)
            if (collection, last) not in parts or len(parts) > 1:
                moved[name] = {join_path((c, *path, n)): value for (c, n), value in parts.items()}
    kept = without_leaves(dict(variables), moved, ())
    return with_leaves(kept, {name: value for parts in moved.values() for name, value in parts.items()})


def mapped_over_blocks(model: Model, path: tuple[str, ...], function: Callable[..., T]) -> Callable[..., T]:
    """A function of one layer's weights as one of the weights that are stacked at a path, each by itself."""
    for _ in range(stacks_around(model, path)):
        function = jax.vmap(function)
    return function


def without_leaves(tree: Mapping[str, PyTree], names: Container[str], path: tuple[str, ...] = ()) -> dict[str, PyTree]:
    """A tree's dicts without the leaves of these names, and without the dicts that are empty then."""
    kept = {}
    for key, value in tree.items():
        here = (*path, str(key))
        if isinstance(value, Mapping):
            value = without_leaves(value, names, here)
        if join_path(here) not in names and not (isinstance(value, dict) and not value):
            kept[key] = value
    return kept


def with_leaves(tree: Mapping[str, PyTree], leaves: Mapping[str, PyTree]) -> Variables:
    """A tree of dicts with more leaves, given by name; variables always have `params`."""
    result: dict[str, PyTree] = {"params": {}, **tree}
    for name, value in leaves.items():
        *parents, last = split_path(name)
        place = result
        for key in parents:
            place[key] = dict(place.get(key, {}))
            place = place[key]
        place[last] = value
    return result
