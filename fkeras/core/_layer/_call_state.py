"""What one call of a layer knows: a record that lives on the bound copy that runs the call, and goes away with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax

from ..typing import PyTree

if TYPE_CHECKING:
    from ._layer import Layer

#: What projects a weight after each update.
Constraint = Callable[[jax.Array], jax.Array]
#: The shapes that `build` is given, by its parameters' names; a shape is a tuple, or a pytree of them.
BuildShapes = dict[str, PyTree]


@dataclasses.dataclass(slots=True)
class CallState:
    """What is known of the call that runs, and from when on.

    Attributes:
        training: whether the call trains; from the moment it begins. Layers inside it read it.
        is_building: whether `build` runs now, in which attributes may be set.
        build_shapes: what `build` was given; from its beginning, so that it runs once.
        build_names: the attributes that `build` set; from its beginning.
        build_again: the shapes and names of the layer that this one was copied from, where `build` had run on that: a
            lifted method runs on a copy, which builds once more when it is asked for one of the names. There from the
            beginning, on such copies alone.
        growing: lists and dicts that `setup` set, in the form in which `build` may put layers into them; from `setup`
            until `build` begins, in layers with a `build`, and `None` in all others.
        layers_built: the layers that `build` made, in order; complete when it has run.
        constraints: each weight's constraint (or `None`) by its name; complete when the call has returned.
        arguments: those of the `call`, in a class that extends a built-in layer and has a `call` of its own; while it
            runs, and `None` in all others.
        weights: those that such a call has made so far, by name.
        output_masks: the masks of a model's outputs; when its `call` has returned.
    """

    training: bool | jax.Array | None = None
    is_building: bool = False
    build_shapes: BuildShapes | None = None
    build_names: set[str] = dataclasses.field(default_factory=set)
    build_again: tuple[BuildShapes, set[str]] | None = None
    growing: dict[str, object] | None = None
    layers_built: list[Layer] = dataclasses.field(default_factory=list)
    constraints: dict[str, Constraint | None] = dataclasses.field(default_factory=dict)
    arguments: tuple[tuple[PyTree, ...], dict[str, PyTree]] | None = None
    weights: dict[str, PyTree] | None = None
    output_masks: list[jax.Array | None] | None = None
