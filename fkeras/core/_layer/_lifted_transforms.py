"""Layers under Flax's lifted transforms: `nn.remat`, `nn.jit`, `nn.scan`, `nn.vmap`, … of their class or of a method.

A lifted call runs on a copy of the layer whose scope begins anew: no parent tells it how the call was made. Flags of a
scope reach such copies, so each layer leaves there what the layers inside it have to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from flax import linen
from flax.core import freeze

_FLAG = "fkeras"


class Around(NamedTuple):
    """What a call tells the layers inside it.

    Attributes:
        training: whether it trains; `None` where nobody said.
        trains: whether its weights do.
        storage: how weights are kept.
        losses: whether losses are collected.
    """

    training: Any = None
    trains: bool = True
    storage: Any = None
    losses: bool = False


def around(module: Any) -> Around:
    """What was left for the layers inside a module whose parents end at a scope."""
    scope = getattr(module, "scope", None)
    return Around() if scope is None else scope.flags.get(_FLAG, Around())


def leave(module: Any, found: Around) -> None:
    """Leave at a bound layer what the layers inside it have to know."""
    if around(module) != found:
        module.scope.flags = freeze({**module.scope.flags, _FLAG: found})


def top(module: Any) -> Any:
    """The outermost module around one, up to where a lifted call begins."""
    while isinstance(module.parent, linen.Module):
        module = module.parent
    return module


def is_lifted(function: Callable[..., Any]) -> bool:
    """Whether a method is one that a lifted transform made of another."""
    return hasattr(getattr(function, "__wrapped__", None), "method_handler_wrapped")


@jax.tree_util.register_static
class Mode(int):
    """A flag that stays a Python value where a lifted call makes arrays of its arguments.

    >>> jax.jit(lambda x, mode: x + 1 if mode else x)(1, Mode(True))
    Array(2, dtype=int32, weak_type=True)
    """
