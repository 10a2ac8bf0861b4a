"""What a call of an op says, in one form: however it was written, and whether it was read from a file."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

import numpy as np

from ..typing import PyTree
from ._op import Op
from ._ops_config import SAME_ARGUMENTS, KerasOp, facts_of
from ._symbolic import Node

_PLAIN = (bool, int, float, str, type(None))


def op_call(node: Node) -> tuple[str, tuple[PyTree, ...], dict[str, PyTree]]:
    """`(name, positional arguments, arguments by name)` of a call of an op.

    Arguments have their names where the op is Keras's, those with the value of the default are left out, and lists are
    tuples, as in `ops.sum(x, 1)`, `ops.sum(x, axis=1)` and `ops.sum(x, axis=1, keepdims=False)`.
    """
    op: Op = node.operation
    args, kwargs = node.arguments
    facts = facts_of(op.name)
    order = facts.called if isinstance(op, KerasOp) else facts.arguments
    star = next((i for i, name in enumerate(order) if name.startswith("*")), len(order))
    same = SAME_ARGUMENTS.get(op.name, {})
    named = {**dict(zip(order[:star], args, strict=False)), **{same.get(k, k): v for k, v in kwargs.items()}}
    defaults = _defaults(op.function)
    said = {name: _plain(value) for name, value in named.items()}
    return op.name, _plain(args[star:]), {k: v for k, v in said.items() if not _is_default(v, defaults.get(k, node))}


def _is_default(value: PyTree, default: object) -> bool:
    return isinstance(value, _PLAIN) and type(value) is type(default) and value == default


def _plain(value: PyTree) -> PyTree:
    """A value with tuples for lists, and the names of dtypes for dtypes."""
    if isinstance(value, list | tuple):
        return tuple(_plain(v) for v in value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    is_dtype = isinstance(value, np.dtype) or (isinstance(value, type) and hasattr(value, "dtype"))
    return np.dtype(value).name if is_dtype else value


@functools.cache
def _defaults(function: Callable[..., PyTree]) -> dict[str, object]:
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    return {name: parameter.default for name, parameter in found.items()}
