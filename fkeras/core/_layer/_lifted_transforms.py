"""Layers under Flax's lifted transforms: `nn.remat`, `nn.jit`, `nn.scan`, `nn.vmap`, … of their class or of a method.

A lifted call runs on a copy of the layer whose scope begins anew: no parent tells it how the call was made. Flags of a
scope reach such copies, so each layer leaves there what the layers inside it have to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
from flax import linen
from flax.core import freeze

from ..typing import PyTree

if TYPE_CHECKING:
    from ._weights import Storage

_FLAG = "fkeras"


class CallContext(NamedTuple):
    """What a call tells the layers inside it.

    Attributes:
        training: whether it trains; `None` where nobody said.
        trains: whether its weights do.
        storage: how weights are kept.
        losses: whether losses are collected.
        loops: how many loops there are around it in which each round has variables of its own, on a leading axis.
    """

    training: bool | jax.Array | None = None
    trains: bool = True
    storage: Storage | None = None
    losses: bool = False
    loops: int = 0


def inherited_context(module: linen.Module) -> CallContext:
    """What was left for a module whose parents end at a scope: by the layer around it, or where a lifted call begins.

    Layers inside a lifted one may be bound before it runs. Their own scopes know what was then.
    """
    scope = getattr(module, "scope", None)
    around = scope if scope is None or scope.parent is None else scope.parent
    return CallContext() if around is None else around.flags.get(_FLAG, CallContext())


def set_context(module: linen.Module, context: CallContext) -> None:
    """Leave at a bound layer what the layers inside it have to know."""
    if module.scope is not None and module.scope.flags.get(_FLAG, CallContext()) != context:
        module.scope.flags = freeze({**module.scope.flags, _FLAG: context})


def outermost(module: linen.Module) -> linen.Module:
    """The outermost module around one, up to where a lifted call begins."""
    while isinstance(module.parent, linen.Module):
        module = module.parent
    return module


def loops_around(module: linen.Module) -> int:
    """How many loops there are around a bound module in which each round has variables of its own."""
    return inherited_context(outermost(module)).loops


def enter_loop(copy: linen.Module, loops: int) -> None:
    """Tell the copy of a layer that runs in such a loop, and through it the layers inside, how many are around it."""
    assert copy.scope is not None
    around = copy.scope if copy.scope.parent is None else copy.scope.parent
    around.flags = freeze({**around.flags, _FLAG: inherited_context(copy)._replace(loops=loops)})


def is_lifted(function: Callable[..., PyTree]) -> bool:
    """Whether a method is one that a lifted transform made of another."""
    return hasattr(getattr(function, "__wrapped__", None), "method_handler_wrapped")


@jax.tree_util.register_static
class Mode(int):
    """A flag that stays a Python value where a lifted call makes arrays of its arguments.

    >>> jax.jit(lambda x, mode: x + 1 if mode else x)(1, Mode(True))
    Array(2, dtype=int32, weak_type=True)
    """
