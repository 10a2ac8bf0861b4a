"""Which values are Linen modules, and how modules of any class are told whether a call trains."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeGuard

import jax
from flax import linen

from ..typing import PyTree
from ._lifted_transforms import Mode, is_lifted

if TYPE_CHECKING:
    from ._layer import Layer

# How modules spell "is this training"; false where the flag is turned round.
MODE_ARGUMENTS: Mapping[str, bool] = MappingProxyType(
    {
        "training": True,
        "train": True,
        "is_training": True,
        "is_train": True,
        "deterministic": False,
        "inference": False,
        "eval": False,
        "use_running_average": False,
    }
)


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


def mode_arguments(
    function: Callable[..., PyTree], training: bool, module: linen.Module | None = None
) -> dict[str, bool | Mode]:
    """The arguments that tell a module's method whether the call trains, by the names that it has for that.

    Args:
        function: the method.
        training: whether the call trains.
        module: whose method it is. What its fields say already, `linen.BatchNorm(use_running_average=True)`, is not
            said again, as Linen's own layers refuse to hear it twice.

    Returns:
        Each of `training`, `train`, `is_training`, `is_train`, `deterministic`, `inference`, `eval` and
        `use_running_average` that it takes, with its value.

    >>> mode_arguments(lambda x, deterministic: x, training=True)
    {'deterministic': False}
    >>> mode_arguments(linen.BatchNorm.__call__, True)
    {'use_running_average': False}
    >>> mode_arguments(linen.BatchNorm.__call__, True, linen.BatchNorm(use_running_average=True))
    {}
    """
    parameters = inspect.signature(function).parameters
    kind: type[int] = Mode if is_lifted(function) else bool  # a lifted call makes arrays of plain flags
    return {
        name: kind(training is positive)  # type: ignore[misc]
        for name, positive in MODE_ARGUMENTS.items()
        if name in parameters and not _is_told_by_field(module, parameters[name])
    }


def _is_told_by_field(module: linen.Module | None, parameter: inspect.Parameter) -> bool:
    """Whether an argument may be left out because a field of the same name has its value."""
    fields = getattr(type(module), "__dataclass_fields__", {})
    told = parameter.name in fields and getattr(module, parameter.name) is not None
    return told and parameter.default is None


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
