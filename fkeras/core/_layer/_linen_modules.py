"""Which values are Linen modules, and how modules of any class are told whether a call trains."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeGuard

import jax
from flax import linen

from ..typing import PyTree
from ._lifted_transforms import Mode, is_lifted

if TYPE_CHECKING:
    from ._layer import Layer

# How Linen modules spell "is this training", and whether the flag is turned round.
MODE_ARGUMENTS = {"training": True, "train": True, "is_training": True, "deterministic": False}


class MethodContext(Protocol):
    """What an interceptor of Linen's is told of the method that runs."""

    @property
    def method_name(self) -> str: ...

    @property
    def module(self) -> linen.Module: ...


def is_module(value: object) -> TypeGuard[linen.Module]:
    """Whether a value is a Linen module; a layer is one."""
    return isinstance(value, linen.Module)


def is_layer(value: object) -> TypeGuard[Layer]:
    """Whether a value is a layer, for code that the file of layers itself imports."""
    return isinstance(value, linen.Module) and hasattr(type(value), "_call_parameters")


def holds_module(value: PyTree) -> bool:
    """Whether a pytree has a Linen module among its leaves."""
    return any(is_module(leaf) for leaf in jax.tree.leaves(value, is_leaf=is_module))


def mode_arguments(function: Callable[..., PyTree], training: bool) -> dict[str, bool | Mode]:
    """The arguments that tell a module's method whether the call trains, by the names that it has for that.

    Args:
        function: the method.
        training: whether the call trains.

    Returns:
        Each of `training`, `train`, `is_training` and `deterministic` that it takes, with its value.

    >>> mode_arguments(lambda x, deterministic: x, training=True)
    {'deterministic': False}
    """
    names = inspect.signature(function).parameters
    kind: type[int] = Mode if is_lifted(function) else bool  # a lifted call makes arrays of plain flags
    return {n: kind(training is positive) for n, positive in MODE_ARGUMENTS.items() if n in names}  # type: ignore[misc]


def adopted(parent: linen.Module, name: str, value: PyTree) -> PyTree:
    """A field's value whose modules are bound copies inside `parent`, under the names that Linen gives those of fields.

    Args:
        parent: a bound module in its `setup`, where Linen itself adopts no field any more.
        name: the field's name.
        value: a module, or lists and dicts of them.
    """
    if is_module(value):
        keeps = getattr(type(parent), "preserve_adopted_names", False)
        own = value.name if keeps and value.name else name
        return value if value.scope is not None else value.clone(parent=parent, name=own)
    if isinstance(value, list | tuple):
        return type(value)(adopted(parent, f"{name}_{i}", item) for i, item in enumerate(value))
    return {k: adopted(parent, f"{name}_{k}", v) for k, v in value.items()} if isinstance(value, dict) else value
