"""Names for the leaves of a tree, one for each: `params/dense/kernel`, from which the tree can be made again.

A key that would not be one part of a path, or would mean another place, is written in `%` and two digits, as in a web
address: `"in/out"` is `in%2Fout`, a layer called `..` is `%2E%2E`. What is no dict of names (a list, a tuple) looks
like one whose keys are numbers; `container_kinds` says which those are.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp

from ..typing import PyTree
from ._errors import explain

#: A path of JAX's: one entry for each container on the way to a leaf.
KeyPath: TypeAlias = tuple[jax.tree_util.DictKey | jax.tree_util.SequenceKey | jax.tree_util.GetAttrKey, ...]

# Containers that `nest` makes of names alone.
NAMED_CONTAINERS = ("list", "tuple", "numbers")

_SPECIAL = {"": "%", ".": "%2E", "..": "%2E%2E"}  # a lone % is no digits' sign


def escape_key(key: str) -> str:
    """A key as one part of a path.

    >>> [escape_key(k) for k in ("kernel", "in/out", "..", "5%")]
    ['kernel', 'in%2Fout', '%2E%2E', '5%25']
    """
    return _SPECIAL.get(key) or re.sub(r"[%/\0]", lambda found: f"%{ord(found[0]):02X}", key)


def split_path(name: str) -> tuple[str, ...]:
    """The keys on the way to a leaf.

    >>> split_path("params/in%2Fout/%")
    ('params', 'in/out', '')
    """
    return tuple("" if part == "%" else urllib.parse.unquote(part) for part in name.split("/"))


def join_path(keys: Iterable[str]) -> str:
    """The name of the leaf at the end of these keys."""
    return "/".join(map(escape_key, keys))


def path_name(path: KeyPath) -> str:
    """The name of a leaf at one of JAX's key paths."""
    return join_path(jax.tree_util.keystr((key,), simple=True) for key in path)


def plain_path_name(path: KeyPath) -> str:
    """The keys of a path with slashes between them, not escaped: for messages, patterns and older files."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def named_leaves(tree: PyTree, name: Callable[[KeyPath], str] = path_name) -> dict[str, PyTree]:
    """A tree's leaves by name.

    Raises:
        ValueError: two of them have one name, so that one would be lost.
    """
    found: dict[str, PyTree] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if name(path) in found:
            raise ValueError(
                explain(
                    f"Two arrays are both called {name(path)!r}.",
                    usually="a dict has a number and the same number as text among its keys.",
                    write="other keys",
                )
            )
        found[name(path)] = leaf
    return found


def flatten(tree: PyTree) -> dict[str, PyTree]:
    """A pytree as `{"params/dense/kernel": array}`; keys of PRNG arrays become their raw data."""
    return {path: jax.random.key_data(leaf) if is_key(leaf) else leaf for path, leaf in named_leaves(tree).items()}


def is_key(leaf: PyTree) -> bool:
    """Whether a leaf is an array of random keys."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def as_leaf(array: PyTree, leaf: PyTree, impl: str | None = None) -> PyTree:
    """An array in the place of a leaf: random keys, where that is an array of them, from their raw data.

    Args:
        array: what was saved.
        leaf: the array, or its shape.
        impl: the keys' generator; by default the leaf's.

    Returns:
        The array, or the keys that it is the raw data of.
    """
    if not is_key(leaf) or is_key(array):
        return array
    return jax.random.wrap_key_data(jnp.asarray(array), impl=impl or _impl_of(leaf))


def _impl_of(keys: jax.Array) -> str:
    found: list[str] = []
    jax.eval_shape(lambda k: found.append(str(jax.random.key_impl(k))), keys)
    return found[0]


# ------------------------------------------------------------------ trees from names
def container_kinds(tree: PyTree) -> dict[str, str]:
    """What is no dict with text as its keys: `"list"`, `"tuple"`, `"numbers"` for a dict of integers, else a class.

    >>> container_kinds({"params": {"ws": [0, (1, 2)]}})
    {'params/ws': 'list', 'params/ws/1': 'tuple'}
    """
    found: dict[str, str] = {}

    def look(node: PyTree, keys: tuple[str, ...]) -> None:
        kind = type(node)
        if isinstance(node, Mapping):
            inside = {str(key): value for key, value in node.items()}
            if any(type(key) is not str for key in node):
                found[join_path(keys)] = "numbers" if all(type(key) is int for key in node) else kind.__name__
        elif kind in (list, tuple):
            inside = {str(i): value for i, value in enumerate(node)}
            whole = all(jax.tree.leaves(value) for value in node)  # names count the items that hold arrays
            found[join_path(keys)] = kind.__name__ if whole else f"{kind.__name__} with empty items"
        elif jax.tree.leaves(node) and not jax.tree_util.all_leaves([node]):
            inside = {}
            found[join_path(keys)] = kind.__name__
        else:
            return
        for key, value in inside.items():
            look(value, (*keys, key))

    look(tree, ())
    return found


def nest(arrays: Mapping[str, PyTree], kinds: Mapping[str, str] | None = None) -> dict[str, PyTree]:
    """Arrays by name as nested dicts, and as what `kinds` (see `container_kinds`) says where it says something.

    Raises:
        ValueError: a name inside an array, or a container of a class that names do not tell how to make.

    >>> nest({"params/dense/bias": 0, "params/ws/0": 1}, {"params/ws": "tuple"})
    {'params': {'dense': {'bias': 0}, 'ws': (1,)}}
    """
    tree: dict[str, PyTree] = {}
    for name, array in arrays.items():
        *parents, last = split_path(name)
        place = tree
        for key in parents:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ValueError(explain(f"{name!r} lies inside an array.", usually="a file made to harm."))
        place[last] = array
    for name in sorted(kinds or {}, key=lambda n: -n.count("/")):  # innermost first
        *parents, last = split_path(name)
        place = tree
        for key in parents:
            place = place.get(key, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict) and isinstance(place.get(last), dict):
            place[last] = _as(place[last], (kinds or {})[name], name)
    return tree


def check_named(tree: PyTree, write: str) -> None:
    """Refuse variables that nobody could make of names again.

    Args:
        tree: the variables.
        write: what to write instead.

    Raises:
        ValueError: a container of another class than those that `nest` makes.
    """
    for name, kind in container_kinds(tree).items():
        if kind not in NAMED_CONTAINERS:
            raise ValueError(
                explain(
                    f"A checkpoint of this model could not be loaded: {name!r} is a {kind}.",
                    received="a model whose structure only a call tells, and no example of its input",
                    usually="a module keeps its parameters in an object of a class of its own.",
                    write=write,
                )
            )


def _as(inside: dict[str, PyTree], kind: str, name: str) -> PyTree:
    """Values by number as a list, a tuple or a dict of integers."""
    if kind == "numbers" and all(re.fullmatch("0|-?[1-9][0-9]{0,18}", key) for key in inside):
        return {int(key): value for key, value in inside.items()}
    if kind not in ("list", "tuple"):
        raise ValueError(
            explain(
                f"{name!r} is a {kind}, which only its model can make again.",
                usually="a module that keeps its parameters in an object of a class of its own.",
                write="variables = model.init(key, x); model.load_weights(path, variables)",
            )
        )
    values = [inside[key] for key in map(str, range(len(inside))) if key in inside]
    if len(values) < len(inside):
        return inside  # not all of it was asked for
    return values if kind == "list" else tuple(values)
