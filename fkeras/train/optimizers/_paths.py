"""Names of parameters: the "/"-joined path of each leaf, and regular expressions over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import jax

from ...core import plain_path_name
from ...core.typing import PyTree


def map_with_name(fn: Callable[..., object], tree: PyTree, *rest: PyTree) -> PyTree:
    """`jax.tree.map`, with the leaf's "/"-joined path as the first argument of `fn`.

    >>> map_with_name(lambda name, leaf: name, {"dense": {"kernel": 1, "bias": 2}})
    {'dense': {'bias': 'dense/bias', 'kernel': 'dense/kernel'}}
    """

    def named(path: jax.tree_util.KeyPath, *leaves: PyTree) -> object:
        return fn(plain_path_name(path), *leaves)

    return jax.tree_util.tree_map_with_path(named, tree, *rest)


def any_pattern_in(patterns: Iterable[str], name: str) -> bool:
    """Whether one of `patterns` is found anywhere in `name`, as `re.search` finds it."""
    return any(re.search(pattern, name) for pattern in patterns)
