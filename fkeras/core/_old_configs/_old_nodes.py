"""The calls of a graph as Keras 1 and 2 wrote them, in the form of Keras 3.

An old call is `[[name, call, output, {further arguments}], ...]`: the tensors of the first argument, in lists or dicts
as they were given, each with the other arguments of the call beside it. Reference:
https://github.com/keras-team/keras/blob/v2.13.1/keras/engine/functional.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from .._words._errors import explain
from ..typing import Config, PyTree

#: `(name, call) -> call`: which of a layer's calls a number means.
Renumber: TypeAlias = Callable[[str, int], int]

_CONSTANT = "_CONSTANT_VALUE"
# So deep may tensors be within the lists of one call.
_MAX_DEPTH = 32


def is_tensor(value: PyTree) -> bool:
    """Whether a value is `[name, call, output]`, with or without further arguments."""
    return (
        isinstance(value, list | tuple)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and type(value[1]) is int
        and (type(value[2]) is int or value[0] == _CONSTANT)
        and (len(value) == 3 or isinstance(value[3], Mapping))
    )


def new_tensor(value: PyTree, renumber: Renumber) -> PyTree:
    """The record of a tensor, in Keras 3's form; a constant is itself."""
    name, call, output = value[:3]
    if name == _CONSTANT:
        return output
    history = [name, renumber(name, call), output]
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


def call_parts(node: PyTree, renumber: Renumber) -> tuple[PyTree, Config]:
    """The first argument of a call and the others by name.

    Args:
        node: the old call.
        renumber: which of a layer's calls a number means.

    Returns:
        `(first, others)`, with the records of tensors in Keras 3's form.

    Raises:
        ValueError: it is none.
    """
    others: Config = {}
    first = _first(node, renumber, others, 0)
    if isinstance(first, list) and len(first) == 1 and not is_tensor(node):
        first = first[0]
    return first, {name: _other(value, renumber, 0) for name, value in others.items()}


def _first(value: PyTree, renumber: Renumber, others: Config, depth: int) -> PyTree:
    if is_tensor(value):
        if len(value) == 4:
            others.update(value[3])
        return new_tensor(value, renumber)
    if depth < _MAX_DEPTH:
        if isinstance(value, list | tuple) and value:
            return [_first(v, renumber, others, depth + 1) for v in value]
        if isinstance(value, Mapping) and value:
            return {key: _first(v, renumber, others, depth + 1) for key, v in value.items()}
    raise ValueError(
        explain(
            "A call in an old config is a list of tensors.",
            received=repr(value)[:80],
            usually="the file is damaged or was edited.",
            write='"inbound_nodes": [[["dense", 0, 0, {}]]]',
        )
    )


def _other(value: PyTree, renumber: Renumber, depth: int) -> PyTree:
    """A further argument; what has the form of a tensor is one, as Keras reads it."""
    if is_tensor(value) and len(value) == 3:
        return new_tensor(value, renumber)
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return {key: _other(v, renumber, depth + 1) for key, v in value.items()}
    if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
        return [_other(v, renumber, depth + 1) for v in value]
    return value


def plain_name(name: PyTree) -> PyTree:
    """A layer's name without slashes, which Keras 3 does not take; it calls the layers of its own models so.

    >>> plain_name("expanded_conv/depthwise")
    'expanded_conv_depthwise'
    """
    return name.replace("/", "_") if isinstance(name, str) else name


def with_plain_names(value: PyTree, depth: int = 0) -> PyTree:
    """Calls and ends with the names of tensors without slashes."""
    if is_tensor(value):
        more = [with_plain_names(v, depth + 1) for v in value[3:]]
        return [plain_name(value[0]), value[1], value[2], *more]
    if depth < _MAX_DEPTH and isinstance(value, list | tuple):
        return [with_plain_names(v, depth + 1) for v in value]
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {k: with_plain_names(v, depth + 1) for k, v in value.items()}
    return value


def tensors_in(value: PyTree, depth: int = 0) -> Iterator[tuple[str, int]]:
    """`(name, call)` of every tensor that a call or an end names."""
    if is_tensor(value):
        yield value[0], value[1]
        if len(value) == 4:
            yield from tensors_in(value[3], depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            if isinstance(part, Mapping | list | tuple):
                yield from tensors_in(part, depth + 1)
