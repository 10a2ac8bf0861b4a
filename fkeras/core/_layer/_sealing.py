"""What of a layer may be set, and when: the one file of this folder that writes to a layer.

A layer goes through these times, and each has its rule:

1. *Construction.* Anything may be set: fields by the dataclass, what follows from them by `settle`.
2. *A Keras-style `__init__`.* Anything may be set, and all of it is recorded, for the layer's `Description`. A layer
   without a name gets that of its attribute, which is where Linen keeps its variables.
3. *Sealed.* The constructor has returned, and nothing may be set. The layer still remembers, beside its fields, what
   follows from them (its hash), what others made of it (weak references to its calls in graphs), and its name, which
   may change until the layer joins a model: see `Memory`.
4. *Bound, in `setup`.* Linen's rules: any attribute, and layers are adopted.
5. *Bound, in `build`.* Anything.
6. *Bound, in `call`.* Nothing. What the call finds out goes into its `CallState`.

Equality, hash, configs and pickles are of the fields alone, so what a layer remembers changes no result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flax import errors as flax_errors
from flax import linen
from flax.core import Scope

from ..typing import PyTree
from ._call_state import CallState
from ._layer_errors import check_attribute, frozen
from ._linen_modules import adopted, holds_module, is_layer

if TYPE_CHECKING:
    from ._layer import Layer
    from ._planned_weights import PlannedWeight
    from ._recorded_calls import RecordedCall

_MEMORY, _CALL = "_memory", "_call_state"


@dataclasses.dataclass(slots=True)
class Memory:
    """What a layer remembers beside its fields.

    Attributes:
        fields_are_filled: whether a Keras-style `__init__` has called that of the class that has the fields.
        sealed: whether its constructor has returned.
        planned: the weights that `__init__` has asked for so far.
        recorded: what `__init__` has set so far, while one of Keras's style runs; `None` at any other time.
        name_may_change: whether the name is one that the library chose, which gives way in a model to the next free.
        trainable_was_told: whether the layer comes from `replace(trainable=…)`.
        key, hash: of its value; `None` until somebody asks.
        calls: its calls in graphs, held weakly; `None` before the first.
    """

    fields_are_filled: bool = False
    sealed: bool = False
    recorded: dict[str, PyTree] | None = None
    planned: list[PlannedWeight] | None = None
    name_may_change: bool = False
    trainable_was_told: bool = False
    key: tuple[object, ...] | None = None
    hash: int | None = None
    calls: list[RecordedCall] | None = None


def memory_of(layer: Layer) -> Memory:
    """What a layer remembers."""
    memory: Memory | None = layer.__dict__.get(_MEMORY)
    if memory is None:
        memory = Memory()
        object.__setattr__(layer, _MEMORY, memory)
    return memory


def call_state(layer: Layer) -> CallState:
    """The record of the call that a bound layer runs. A layer that is not bound runs none, and has an empty one."""
    state: CallState | None = layer.__dict__.get(_CALL)
    if state is None:
        state = CallState()
        if layer.scope is not None:
            object.__setattr__(layer, _CALL, state)
    return state


def call_state_if_any(module: linen.Module) -> CallState | None:
    """The record of a module's call; `None` for one that has not begun, and for modules that are no layers."""
    return module.__dict__.get(_CALL)


def is_copied(layer: Layer) -> bool:
    """Whether a constructor, before it gives the layer its place, makes a copy: Linen tells a copy its place."""
    return memory_of(layer).recorded is None and (
        layer.parent is None or isinstance(layer.parent, linen.Module | Scope)
    )


def settle(frozen_value: object, name: str, value: object) -> None:
    """Set an attribute of a frozen value. For constructors, which settle there what follows from the arguments."""
    object.__setattr__(frozen_value, name, value)


# ------------------------------------------------------------------ `layer.name = value`, by time
def set_attribute(layer: Layer, name: str, value: object) -> None:
    """What `layer.name = value` does.

    Raises:
        AttributeError: at a time when nothing may be set, saying what to write instead.
        ValueError: a layer under a name that every layer uses itself.
    """
    values = layer.__dict__
    memory: Memory | None = values.get(_MEMORY)
    constructing = memory is None or not (memory.sealed or memory.recorded is not None)
    bound = values.get("scope") is not None
    if constructing and not bound:  # where Linen lets everything be set, too
        settle(layer, name, value)
    elif constructing and name in ("scope", "parent", "name"):
        linen.Module.__setattr__(layer, name, value)
    elif bound:
        _set_bound(layer, name, value)
    elif memory is not None and memory.recorded is not None:
        if holds_module(value):
            check_attribute(layer, name)
        name_after_attribute(name, value)
        memory.recorded[name] = value
        settle(layer, name, value)
    else:
        raise frozen(layer, name)


def delete_attribute(layer: Layer, name: str) -> None:
    """What `del layer.name` does: nothing may be deleted, at any time."""
    raise frozen(layer, name)


def _set_bound(layer: Layer, name: str, value: object) -> None:
    """Attributes of a bound layer: Linen's rules in `setup`, free in `build`, frozen in `call`.

    A value that has a `_bound_to_layer`, as a generator of seeds has, is told the layer that runs.
    """
    bound_to_layer = getattr(type(value), "_bound_to_layer", None)
    if bound_to_layer is not None:
        value = bound_to_layer(value, layer)
    state = call_state_if_any(layer)
    if state is not None and state.is_building:
        state.build_names.add(name)
        layer.__dict__.pop(name, None)  # what is set last comes last: Keras lists weights in that order
        settle(layer, name, value)
        return
    description = layer._description
    if description is not None and name in type(layer).__dataclass_fields__:  # __init__ re-sets its own in setup
        settle(layer, name, adopted(layer, name, value) if holds_module(value) else value)
        return
    was_checked = description is not None and description.attributes is not None
    if not was_checked and holds_module(value):
        check_attribute(layer, name)
    if state is not None and state.growing is not None:
        state.growing.pop(name, None)
        if isinstance(value, list | dict) and not holds_module(value):
            state.growing[name] = _copied_containers(value)  # for `build` to put layers into
    try:
        linen.Module.__setattr__(layer, name, value)
    except flax_errors.SetAttributeFrozenModuleError:
        raise frozen(layer, name) from None


def _copied_containers(value: object) -> object:
    """A copy of lists and dicts, not of what is in them."""
    if isinstance(value, Mapping):
        return {key: _copied_containers(item) for key, item in value.items()}
    return [_copied_containers(item) for item in value] if isinstance(value, list) else value


# ------------------------------------------------------------------ names
def set_name(layer: Layer, name: str, may_change: bool = False) -> None:
    """Give a layer its name, once: by its attribute, or when it first joins a model.

    Args:
        layer: a layer without a name, or with one that may change.
        name: the name.
        may_change: whether it gives way, in a model, to the next free one.
    """
    settle(layer, "name", name)
    memory_of(layer).name_may_change = may_change


def name_may_change(layer: Layer) -> bool:
    """Whether a layer has no name yet that is its own."""
    if layer.name is None:
        return True
    memory: Memory | None = layer.__dict__.get(_MEMORY)
    return memory is not None and memory.name_may_change


def name_after_attribute(attribute: str, value: object, suffix: str = "") -> None:
    """Layers without a name get their attribute's, which is where Linen keeps their variables."""
    if is_layer(value):
        if name_may_change(value):
            set_name(value, attribute + suffix)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            name_after_attribute(attribute, item, f"{suffix}_{i}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            name_after_attribute(attribute, item, f"{suffix}_{key}")


# ------------------------------------------------------------------ what follows from the value
def cached_key(layer: Layer, make: Callable[[], tuple[object, ...]]) -> tuple[object, ...]:
    """The layer's value as a hashable, made once."""
    memory = memory_of(layer)
    if memory.key is None:
        memory.key = make()
    return memory.key


def cached_hash(layer: Layer) -> int:
    """The hash of the layer's value, made once."""
    memory = memory_of(layer)
    if memory.hash is None:
        memory.hash = hash(layer._layer_key())
    return memory.hash
