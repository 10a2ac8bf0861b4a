"""A model's variables, looked at from outside: how many numbers, whose they are, under which paths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax

from .._graph._dimensions import is_symbolic
from .._layer._layer import Layer
from .._layer._variables import counted
from .._words._paths import plain_path_name
from ..typing import PyTree, Variables
from ._sublayers import find_path


def count(variables: Variables) -> int:
    """How many numbers the weights among the variables hold; a size that follows from the input counts once."""
    shapes = [leaf.shape for leaf in jax.tree.leaves(counted(variables))]
    return sum(math.prod(1 if is_symbolic(dim) else int(dim) for dim in shape) for shape in shapes)


def part_of(variables: Variables, model: Layer, nested: Layer | str) -> dict[str, Any]:
    """The part of a model's variables that belongs to a layer inside it, given as itself or as its path.

    Raises:
        ValueError: the layer is not in the model.
    """
    path = find_path(model, nested)
    part: dict[str, Any] = {}
    for collection, tree in variables.items():
        for key in path:
            tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
        if tree or collection == "params":
            part[collection] = tree
    return part


def by_path(variables: Variables) -> dict[str, jax.Array]:
    """The variables by path, `{"conv2d/kernel": array, …}`, all collections in one."""
    return {
        plain_path_name(path): leaf
        for tree in variables.values()
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def with_own_dicts(variables: PyTree) -> PyTree:
    """The same leaves in other dicts, for whoever may change them."""
    if isinstance(variables, dict):
        return {key: with_own_dicts(value) for key, value in variables.items()}
    return variables
