"""Layers as values that are copied and sent: `copy`, `pickle`, and cloudpickle and joblib, which follow its protocol.

A layer is its class and its fields, so that is what goes into a pickle, and the constructor makes it again on the other
side. What a layer remembers beside them (hashes, recorded calls, tables that follow from a field) never does. What
`__init__` of a Keras-style layer set is in its `Description`, a field like others: `__init__` does not run again.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flax import linen

from .._words._errors import explain
from ._construct import Arguments, Description
from ._linen_modules import is_layer
from ._sealing import name_may_change, set_name

if TYPE_CHECKING:
    from ._layer import Layer

#: What makes a layer again: its class, its fields by name, and whether its name may still change.
Parts = tuple["type[Layer]", Arguments, bool]


def parts_of_layer(layer: Layer) -> Parts:
    """What `rebuild_layer` takes to make an equal layer.

    Raises:
        TypeError: a layer that is bound to variables.
    """
    if layer.scope is not None:
        raise TypeError(
            explain(
                f"{layer.path_text()} is bound to variables, so it can be neither copied nor pickled.",
                usually="`self` or a layer of it was copied inside `call`, or what `bind` returned was pickled.",
                write="copy.deepcopy(layer) outside `apply`; variables are a pytree of arrays, which pickles by itself",
            )
        )
    fields = {field.name: field for field in dataclasses.fields(layer) if field.init and field.name != "parent"}
    values = {name: getattr(layer, name) for name in fields}
    given = {name: value for name, value in values.items() if value is not fields[name].default}
    return type(layer), given, layer.name is not None and name_may_change(layer)


def rebuild_layer(cls: type[Layer], fields: Arguments, may_change: bool) -> Layer:
    """The layer of these parts: what a pickle of a layer calls, so its name and arguments stay as they are."""
    layer = cls(parent=None, **fields)
    if may_change:
        set_name(layer, fields["name"], may_change=True)
    return layer


def shallow_copy(layer: Layer) -> Layer:
    """`copy.copy`: another layer of the same values."""
    return rebuild_layer(*parts_of_layer(layer))


def deep_copy(layer: Layer, memo: dict[int, object]) -> Layer:
    """`copy.deepcopy`: another layer of copied values; layers within it that are one stay one."""
    memo[id(layer)] = copied = rebuild_layer(*copy.deepcopy(parts_of_layer(layer), memo))
    return copied


def reduce_layer(layer: Layer) -> tuple[Callable[..., Layer], Parts]:
    """What `pickle` writes for a layer.

    Raises:
        TypeError: a bound layer, or one with a function that no other process could find by its name.
    """
    cls, fields, may_change = parts_of_layer(layer)
    for where, function in _functions_in(fields):
        name = function.__qualname__
        if "<" in name:  # `<lambda>`, or `f.<locals>.g`
            raise TypeError(
                explain(
                    f"{layer.path_text()} cannot be pickled: its {where!r} is a function without a name in a module.",
                    received=f"{name} of {function.__module__}",
                    usually="a lambda, or a function that was defined inside another.",
                    write=f"def my_function(x): ...   # at the top of a module, and {where}=my_function",
                )
            )
    sent = {name: _with_modules_by_fields(value) for name, value in fields.items()}
    return rebuild_layer, (cls, sent, may_change)


class _ModuleByFields:
    """A Linen module of someone else's class, pickled by the fields that were given.

    Defaults stay out: that of Linen's own `kernel_init` is a function inside another, which nothing can pickle.
    """

    def __init__(self, module: linen.Module) -> None:
        self.module = module

    def __reduce__(self) -> tuple[Callable[..., linen.Module], tuple[type[linen.Module], Arguments]]:
        cls = type(self.module)
        fields = [f for f in dataclasses.fields(self.module) if f.init and f.name != "parent"]
        values = {f.name: getattr(self.module, f.name) for f in fields}
        given = {f.name: _with_modules_by_fields(values[f.name]) for f in fields if values[f.name] is not f.default}
        return rebuild_module, (cls, given)


def rebuild_module(cls: type[linen.Module], fields: Arguments) -> linen.Module:
    """The Linen module of these fields: what a pickle calls, so its name and arguments stay as they are."""
    return cls(parent=None, **fields)


def _with_modules_by_fields(value: Any) -> Any:
    """A value whose Linen modules are pickled by their fields; layers have that from their class."""
    if isinstance(value, linen.Module):
        return value if is_layer(value) else _ModuleByFields(value)
    if isinstance(value, Description):
        attributes = None if value.attributes is None else _with_modules_by_fields(value.attributes)
        args, kwargs, config, rest = map(_with_modules_by_fields, (value.args, value.kwargs, value.config, value.rest))
        return Description(args, kwargs, config, attributes, rest, value.weights)
    if type(value) in (list, tuple):
        return type(value)(_with_modules_by_fields(item) for item in value)
    if type(value) is dict:
        return {key: _with_modules_by_fields(item) for key, item in value.items()}
    return value


def _functions_in(fields: Mapping[str, object]) -> Iterator[tuple[str, types.FunctionType]]:
    """The functions among a layer's arguments and attributes, each with the name that it goes by."""
    for name, value in fields.items():
        if isinstance(value, Description):
            yield from _functions_in({**value.config, **(value.attributes or {})})
            continue
        pending = [value]
        while pending:
            item = pending.pop()
            if isinstance(item, types.FunctionType):
                yield name, item
            elif isinstance(item, functools.partial):
                pending += [item.func, *item.args, *item.keywords.values()]
            elif isinstance(item, Mapping):
                pending += item.values()
            elif isinstance(item, list | tuple):
                pending += item
