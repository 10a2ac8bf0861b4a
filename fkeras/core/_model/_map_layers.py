"""The same model with some layers exchanged: graphs are recorded again around the new layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .._graph._graph import Graph, rerecord
from .._graph._symbolic import SymbolicTensor
from .._layer._bound_sublayers import Path
from .._layer._layer import Layer
from .._layer._sealing import memory_of
from .._layer._sublayers import walk
from .._words._dtypes import dtype_name
from ._input import InputLayer, tensor_of
from ._looking_inside import LooksInside
from ._path_patterns import as_patterns, check_patterns, matches_path

Change = Callable[[Layer, Path], Layer]
ModelT = TypeVar("ModelT", bound=Layer)


def map_layers(model: ModelT, function: Callable[[Layer], Layer]) -> ModelT:
    """A copy of `model` in which each layer inside it is `function(layer)`, innermost first."""
    return map_layers_with_path(model, lambda layer, path: function(layer))


def map_layers_with_path(model: ModelT, change: Change) -> ModelT:
    """A copy of `model` in which each layer inside it is `change(layer, path)`, innermost first.

    Of layers that are told whether they train, each is told for itself and, where it is a model, for the layers in it
    that were told nothing: as in a loop over Keras's layers, outermost first.
    """
    flags: dict[Path, bool] = {}

    def noted(layer: Layer, path: Path) -> Layer:
        changed = change(layer, path)
        if changed is not layer and memory_of(changed).trainable_was_told:
            flags[path] = changed.trainable
        return changed

    rebuilt = _rebuild(model, noted, ())
    return _flagged(rebuilt, {**_inherited(rebuilt, flags), **flags}) if flags else rebuilt


def freeze(model: ModelT, chosen: tuple[str | Layer, ...]) -> ModelT:
    """A copy of `model` whose layers at matching paths, and all inside them, do not train."""
    patterns = as_patterns(model, chosen)
    check_patterns(model, patterns, "", 'model.freeze("backbone/.*")')
    return _flagged(model, dict.fromkeys(_matching(model, patterns), False))


def unfreeze(model: ModelT, chosen: tuple[str | Layer, ...]) -> ModelT:
    """A copy of `model` whose layers at matching paths, and all inside them, train."""
    patterns = as_patterns(model, chosen)
    check_patterns(model, patterns, "", 'model.unfreeze("backbone/.*")')
    flags: dict[Path, bool | None] = {}
    if not model.trainable:  # nothing trains in a model that does not, so all else is told instead
        flags = {path: False for path, _ in walk(model)}
        model = model.clone(parent=None, name=model.name, trainable=True)
    return _flagged(model, {**flags, **dict.fromkeys(_matching(model, patterns), True)})


def tell_inside(model: ModelT, trainable: bool) -> ModelT:
    """A model, told whether it trains, in which no layer says otherwise."""
    return _flagged(model, _inherited(model, {(): trainable}))


def training_paths(model: Layer) -> set[Path]:
    """The paths of the layers that train, as they and the layers around them say."""
    found: dict[Path, bool] = {(): model.trainable}
    for path, layer in walk(model):
        found[path] = layer.trainable and (found[path[:-1]] or layer._unfrozen)
    return {path for path, trains in found.items() if trains}


def tell_at(model: ModelT, flags: Mapping[Path, bool]) -> ModelT:
    """A copy of `model` whose layers at these paths are told whether they train, whatever the layers around them do."""
    return _flagged(model, flags)


def _matching(model: Layer, patterns: tuple[str, ...]) -> list[Path]:
    return [path for path, _ in walk(model) if any(matches_path(pattern, path) for pattern in patterns)]


def _inherited(model: Layer, flags: Mapping[Path, bool]) -> dict[Path, bool | None]:
    """What layers are told by the nearest model around them that was told; `None` to follow what is around."""
    found: dict[Path, bool | None] = {}
    for path, _ in walk(model):
        above = next((flags[path[:i]] for i in range(len(path) - 1, -1, -1) if path[:i] in flags), None)
        if above is not None:
            found[path] = True if above else None
    return found


def _flagged(model: ModelT, flags: Mapping[Path, bool | None]) -> ModelT:
    """A copy of a model with some layers told whether they train.

    Each layer inside says what it does, as after Keras's setter; marked are those that train in one that does not.
    """
    trains: dict[Path, bool] = {(): model.trainable}
    updates: dict[Path, dict[str, bool]] = {}
    for path, layer in walk(model):
        around = trains[path[:-1]]
        said = flags.get(path, layer.trainable)
        trainable = layer.trainable if said is None else said
        marked = trainable and not around and (layer._unfrozen if path not in flags else said is True)
        trains[path] = trainable and (around or marked)
        if (trains[path], marked) != (layer.trainable, layer._unfrozen):
            updates[path] = {"trainable": trains[path], "_unfrozen": marked}
    if not updates:
        return model

    def change(layer: Layer, path: Path) -> Layer:
        return layer.clone(parent=None, name=layer.name, **updates[path]) if path in updates else layer

    return _rebuild(model, change, ())


def _rebuild(layer: ModelT, change: Change, path: Path) -> ModelT:
    """A copy of a layer with everything inside it changed; the layer itself is left to the caller."""
    graph = layer.graph
    keep_names = getattr(type(layer), "preserve_adopted_names", False)
    updates: dict[str, Any] = {}
    if graph is not None:
        new = {id(sub): _changed(sub, change, (*path, sub.name)) for sub in graph.layers}
        updates["graph"] = regraph(graph, new, layer.path_text())
        if isinstance(layer, LooksInside) and layer._is_chain:
            updates["layers"] = tuple(new[id(sub)] for sub in layer.layers)
    else:
        for field in type(layer).__dataclass_fields__:
            if field not in ("parent", "name", "_description"):
                value = getattr(layer, field, None)
                changed = _map_value(value, field, change, path, keep_names)
                if changed is not value:
                    updates[field] = changed
    description = layer._description
    if description is not None and description.attributes:
        attributes = {k: _map_value(v, k, change, path, keep_names) for k, v in description.attributes.items()}
        updates["_description"] = dataclasses.replace(description, attributes=attributes)
    rebuilt: ModelT = layer.clone(parent=None, name=layer.name, **updates)
    return rebuilt


def _changed(layer: Layer, change: Change, path: Path) -> Layer:
    return change(_rebuild(layer, change, path), path)


def _map_value(value: Any, name: str, change: Change, path: Path, keep_names: bool) -> Any:
    if isinstance(value, Layer):
        return _changed(value, change, (*path, value.name if keep_names and value.name else name))
    if isinstance(value, list | tuple) and any(isinstance(v, Layer | list | tuple | Mapping) for v in value):
        return type(value)(_map_value(v, f"{name}_{i}", change, path, keep_names) for i, v in enumerate(value))
    if isinstance(value, Mapping) and any(isinstance(v, Layer | list | tuple | Mapping) for v in value.values()):
        return {k: _map_value(v, f"{name}_{k}", change, path, keep_names) for k, v in value.items()}
    return value


def regraph(graph: Graph, layers: Mapping[int, Layer], owner: str) -> Graph:
    """The same graph recorded again, with other layers by `id` of the ones they replace."""
    starts = [_fresh_input(tensor, layers.get(id(tensor.node.operation))) for tensor in graph.input_tensors]
    ends = rerecord(graph, starts, layers)
    return Graph(graph.in_structure_of_inputs(starts), graph.in_structure_of_outputs(ends), owner)


def _fresh_input(tensor: SymbolicTensor, layer: Layer | None) -> SymbolicTensor:
    if isinstance(layer, InputLayer):
        return tensor_of(layer)
    return tensor_of(InputLayer(batch_shape=tensor.shape, dtype=dtype_name(tensor.dtype)))
