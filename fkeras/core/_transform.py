"""The same model with some layers exchanged: graphs are recorded again around the new layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax

from ._dtypes import dtype_name
from ._graph import Graph, replay
from ._input import InputLayer, tensor_of
from ._layer import Layer
from ._patterns import check_patterns, matches_path
from ._structure import Path
from ._symbolic import Node, Op, SymbolicTensor, record

Change = Callable[[Layer, Path], Layer]


def map_layers(model: Layer, function: Callable[[Layer], Layer]) -> Any:
    """A copy of `model` in which each layer inside it is `function(layer)`, innermost first."""
    return _rebuild(model, lambda layer, path: function(layer), ())


def map_layers_with_path(model: Layer, change: Change) -> Any:
    """A copy of `model` in which each layer inside it is `change(layer, path)`, innermost first."""
    return _rebuild(model, change, ())


def freeze(model: Layer, patterns: tuple[str, ...]) -> Any:
    """A copy of `model` whose layers at matching paths, and all inside them, do not train."""
    check_patterns(model, patterns, "", 'model.freeze("backbone/.*")')

    def change(layer: Layer, path: Path) -> Layer:
        matched = any(matches_path(pattern, path) for pattern in patterns)
        return layer.replace(trainable=False) if matched and not isinstance(layer, InputLayer) else layer

    return _rebuild(model, change, ())


def _rebuild(layer: Layer, change: Change, path: Path) -> Layer:
    """A copy of a layer with everything inside it changed; the layer itself is left to the caller."""
    graph = getattr(layer, "graph", None)
    updates: dict[str, Any] = {}
    if graph is not None:
        new = {id(sub): _changed(sub, change, (*path, sub.name)) for sub in graph.layers}
        updates["graph"] = regraph(graph, new, layer.path_text())
        if "layers" in type(layer).__dataclass_fields__:
            updates["layers"] = tuple(new[id(sub)] for sub in layer.layers)
    else:
        for field in type(layer).__dataclass_fields__:
            if field not in ("parent", "name", "_description"):
                value = getattr(layer, field, None)
                made = _map_value(value, field, change, path)
                if made is not value:
                    updates[field] = made
    description = layer._description
    if description is not None and description.attributes:
        made = {k: _map_value(v, k, change, path) for k, v in description.attributes.items()}
        updates["_description"] = dataclasses.replace(description, attributes=made)
    return layer.clone(parent=None, name=layer.name, **updates)


def _changed(layer: Layer, change: Change, path: Path) -> Layer:
    return change(_rebuild(layer, change, path), path)


def _map_value(value: Any, name: str, change: Change, path: Path) -> Any:
    if isinstance(value, Layer):
        return _changed(value, change, (*path, name))
    if isinstance(value, list | tuple) and any(isinstance(v, Layer | list | tuple | Mapping) for v in value):
        return type(value)(_map_value(v, f"{name}_{i}", change, path) for i, v in enumerate(value))
    if isinstance(value, Mapping) and any(isinstance(v, Layer | list | tuple | Mapping) for v in value.values()):
        return {k: _map_value(v, f"{name}_{k}", change, path) for k, v in value.items()}
    return value


def regraph(graph: Graph, layers: Mapping[int, Layer], owner: str) -> Graph:
    """The same graph recorded again, with other layers by `id` of the ones they replace."""
    starts = [_fresh_input(t, layers.get(id(t.node.operation))) for t in jax.tree.leaves(graph.inputs)]

    def call(node: Node, leaves: list[Any]) -> list[Any]:
        args, kwargs = jax.tree.unflatten(node.treedef, leaves)
        if isinstance(node.operation, Op):
            return jax.tree.leaves(record(node.operation, args, kwargs))
        return jax.tree.leaves(layers[id(node.operation)](*args, **kwargs))

    ends = replay(graph, starts, call)
    inputs = jax.tree.unflatten(jax.tree.structure(graph.inputs), starts)
    return Graph(inputs, jax.tree.unflatten(jax.tree.structure(graph.outputs), ends), owner)


def _fresh_input(tensor: SymbolicTensor, layer: Layer | None) -> SymbolicTensor:
    if isinstance(layer, InputLayer):
        return tensor_of(layer)
    return tensor_of(InputLayer(batch_shape=tensor.shape, dtype=dtype_name(tensor.dtype)))
