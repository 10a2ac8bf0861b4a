"""What Keras finds inside a layer, and in which order: what its description holds, and what it made while it ran."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from ...core import Layer, Model, Part

Path: TypeAlias = tuple[str, ...]

_NO_PARTS = ("parent", "name", "graph", "_description")


@dataclasses.dataclass(frozen=True)
class PlacedLayer:
    """A layer at its place in the tree of variables.

    Attributes:
        layer: the layer of the description, or what was seen of one that another made while it ran.
        path: where its variables are; `None` where it can have none.
    """

    layer: Layer | Part
    path: Path | None

    @property
    def kind(self) -> type:
        return self.layer.kind if isinstance(self.layer, Part) else type(self.layer)


#: What an attribute holds: a layer, or lists and dicts of layers; `None` where it holds none.
Held: TypeAlias = "PlacedLayer | list[Held] | dict[str, Held] | None"


def inside(placed: PlacedLayer, seen: Mapping[str, Any]) -> dict[str, Held]:
    """What a layer holds by attribute: layers at their places, and lists and dicts of them.

    Args:
        placed: the layer.
        seen: the parts that were seen in it while it ran.

    Returns:
        What each attribute holds, in the order in which they were set.
    """
    layer, path = placed.layer, placed.path
    parts = _placed(layer, path) if isinstance(layer, Layer) else {}
    traced = seen or (layer.inside if isinstance(layer, Part) else {})
    parts |= {name: _of_part(value) for name, value in traced.items() if not any(_layers(parts.get(name)))}
    return parts


def by_name(placed: PlacedLayer, parts: Mapping[str, Held]) -> dict[str, Held]:
    """The same in the order in which Keras looks for weights: a model's layers, then attributes by name, private last.

    A subclassed model has its layers under `layers` too: Keras finds those there that no attribute holds.

    Args:
        placed: the layer, and
        parts: what it holds by attribute.

    Returns:
        What it holds, in Keras's order.
    """
    first = "layers" if issubclass(placed.kind, Model) and "layers" in parts else None
    more: dict[str, Held] = {"layers": list(listed(parts))} if issubclass(placed.kind, Model) and first is None else {}
    order = sorted({*parts, *more}, key=lambda n: (n != first, f"~{n}" if n.startswith("_") else n))
    return {name: more[name] if name in more else parts[name] for name in order}


def _layers(value: Any) -> Iterator[PlacedLayer | Layer]:
    if isinstance(value, PlacedLayer | Layer):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _layers(item)


def listed(parts: Mapping[str, Held]) -> list[PlacedLayer]:
    """The layers directly in another, in the order in which they were set, each once: Keras's `model.layers`."""
    placed = [layer for value in parts.values() for layer in _layers(value) if isinstance(layer, PlacedLayer)]
    placed.sort(key=lambda f: f.layer.rank if isinstance(f.layer, Part) else -1)
    return list({id(f.layer) if isinstance(f.layer, Layer) else f.path: f for f in placed}.values())


def _of_part(value: Any) -> Held:
    if isinstance(value, Part):
        return PlacedLayer(value, value.path)
    if isinstance(value, Mapping):
        return {key: _of_part(item) for key, item in value.items()}
    return [_of_part(item) for item in value] if isinstance(value, list) else value


# ------------------------------------------------------------------ what a description holds
def _placed(layer: Layer, path: Path | None) -> dict[str, Held]:
    """The layers of a description, each where Linen keeps its variables: under the first attribute that has it."""
    graph = layer.graph
    names: dict[int, str] = {} if graph is None else {id(sub): str(sub.name) for sub in graph.layers}
    held = {name: value for name, value in _held(layer).items() if any(_layers(value))}
    for name, value in held.items():
        _name(layer, name, value, names)

    def place(value: Any) -> Held:
        if isinstance(value, Layer):
            return PlacedLayer(value, None if path is None else (*path, names[id(value)]))
        if isinstance(value, Mapping):
            return {key: place(item) for key, item in value.items()}
        return [place(item) for item in value] if isinstance(value, list | tuple) else None

    if graph is not None:
        held = {"layers": tuple(graph.layers), **held}
    return {name: place(value) for name, value in held.items()}


def _held(layer: Layer) -> dict[str, Any]:
    says: Callable[[], Mapping[str, Any]] | None = getattr(layer, "_keras_attributes", None)
    if says is not None:  # the layer has its own names for Keras's attributes
        return dict(says())
    held = {f.name: getattr(layer, f.name, None) for f in dataclasses.fields(layer) if f.name not in _NO_PARTS}
    if layer._description is not None:
        held.update(layer._description.attributes or {})
    return held


def _name(owner: Layer, name: str, value: object, names: dict[int, str]) -> None:
    """Linen's names for the layers in an attribute: `blocks_0` in a list, `heads_left` in a dict."""
    if isinstance(value, Layer):
        keeps = getattr(type(owner), "preserve_adopted_names", False)
        names.setdefault(id(value), str(value.name) if keeps and value.name else name)
    elif isinstance(value, list | tuple | Mapping):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            _name(owner, f"{name}_{key}", item, names)
