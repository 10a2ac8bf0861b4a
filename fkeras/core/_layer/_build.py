"""When a layer's `build` runs: once, with the shapes of the first call, where Linen lets it make weights."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import linen
from flax.core import FrozenDict

from .._words._errors import explain
from ..typing import PyTree
from ._call_state import BuildShapes, CallState
from ._input_spec import check_input_spec
from ._lifted_transforms import Mode, is_lifted
from ._linen_modules import MethodContext
from ._sealing import call_state, call_state_if_any, settle

if TYPE_CHECKING:
    from ._layer import Layer

Method = Callable[..., Any]


def makes_nothing(build: Method) -> Method:
    """Mark the `build` of a class that has none of its own."""
    build.makes_nothing = True  # type: ignore[attr-defined]
    return build


def has_build(layer: Layer) -> bool:
    """Whether a layer's class has a `build` of its own."""
    return not getattr(type(layer).build, "makes_nothing", False)


def build_first(call: Method) -> Method:
    """`call` that runs the layer's `build` first."""

    @functools.wraps(call)
    def built(self: Layer, *args: PyTree, **kwargs: PyTree) -> PyTree:
        if type(self)._extended_call is not None and call_state(self).arguments is None:
            return noting_weights(self, args, kwargs)
        _build_once(self, args, kwargs)
        return call(self, *args, **kwargs)

    def noting_weights(self: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> PyTree:
        """Of a class that extends a built-in layer, whose weights it may read by name."""
        state = call_state(self)
        state.arguments, state.weights = (args, kwargs), {}
        try:
            _build_once(self, args, kwargs)
            return call(self, *args, **kwargs)
        finally:
            state.arguments = state.weights = None

    @functools.wraps(call, updated=())  # without the marks of a method that Linen has wrapped already
    def built_inside(self: Layer, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """Of a lifted `call`: weights are made where it runs, in a copy of the layer."""

        def first(
            run: Method,
            arguments: tuple[PyTree, ...],
            keywords: dict[str, PyTree],
            context: MethodContext,
        ) -> PyTree:
            if context.method_name == call.__name__ and type(context.module) is type(self):
                _build_once(context.module, arguments, keywords)
            return run(*arguments, **keywords)

        if "training" in kwargs and isinstance(kwargs["training"], bool):
            kwargs["training"] = Mode(kwargs["training"])
        with linen.intercept_methods(first):
            return call(self, *args, **kwargs)

    return built_inside if is_lifted(call) else built


def in_turn(build: Method) -> Method:
    """`build` that waits for the layer's own call where a layer around it asks for it, as Keras's layers do."""

    @functools.wraps(build)
    def built(self: Layer, *args: PyTree, **kwargs: PyTree) -> None:
        if self.scope is None:
            say_nothing_is_built(self)
        elif call_state(self).is_building:  # else a layer around it asked
            build(self, *args, **kwargs)

    return built


def say_nothing_is_built(layer: Layer) -> None:
    """Warn that `layer.build(shape)` makes no weights outside of a call; a graph knows its shapes without."""
    if layer.graph is None:
        warnings.warn(
            explain(
                f"{layer.path_text()}: nothing was built, for a layer holds no weights.",
                received=f"{type(layer).__name__}.build(...) called by hand",
                usually="Keras layers keep the weights that `build` makes; here `init` makes them, and returns them.",
                write="variables = layer.init(key, x)   # x: one batch, or jax.ShapeDtypeStruct((1, 8), 'float32')",
            ),
            stacklevel=3,
        )


def _build_once(layer: Layer, args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree]) -> None:
    """Run `build` with the shape of the first input, or of each input that it names (`query_shape`)."""
    if not has_build(layer) or call_state(layer).build_shapes is not None:
        return
    names = list(inspect.signature(type(layer).build).parameters)[1:]
    inputs = {**dict(zip(layer._call_parameters.names, args, strict=False)), **kwargs}
    if len(names) == 1:
        shapes = {names[0]: _shapes(args[0] if args else next(iter(kwargs.values()), None))}
    else:
        shapes = {n: _shapes(inputs.get(n.removesuffix("_shape"))) for n in names}
    build_with(layer, shapes)
    if "input_spec" in call_state(layer).build_names:
        check_input_spec(layer, layer.input_spec, args[0] if args else next(iter(kwargs.values()), None))


def build_with(layer: Layer, shapes: BuildShapes) -> None:
    """Run `build` on a bound layer; lists and dicts that `setup` set may have layers put into them meanwhile."""
    state = call_state(layer)
    state.build_shapes, state.is_building = shapes, True
    growing, state.growing = state.growing or {}, None
    for name, value in growing.items():  # in the place of those that Linen froze
        settle(layer, name, value)
    state.build_names.update(growing)
    try:
        layer.build(**shapes)
    finally:
        state.is_building = False
        for name in [n for n, value in growing.items() if vars(layer)[n] is value]:
            settle(layer, name, _frozen_containers(growing[name]))


def build_again(layer: Layer, state: CallState, name: str) -> bool:
    """Run `build` on the copy that a lifted method runs on, where it is asked for what `build` had set.

    Args:
        layer: the copy.
        state: what its call knows.
        name: the attribute that it is asked for and does not have.

    Returns:
        Whether the layer has it now.
    """
    shapes, names = state.build_again or ({}, set())
    if name in names and state.build_shapes is None:
        build_with(layer, shapes)
    return name in vars(layer)


def carry_build(layer: Layer, copy: Layer) -> None:
    """Tell a bound copy of a bound layer what that was built with."""
    state = call_state_if_any(layer)
    if state is not None and state.build_shapes is not None:
        call_state(copy).build_again = (state.build_shapes, state.build_names)


def _shapes(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: tuple(jnp.shape(leaf)), tree)


def _frozen_containers(value: object) -> object:
    """Lists and dicts as Linen's modules have them once they are set up."""
    if isinstance(value, Mapping):
        return FrozenDict({key: _frozen_containers(item) for key, item in value.items()})
    return tuple(_frozen_containers(item) for item in value) if isinstance(value, list) else value
