"""What Keras would find inside a layer, and in which order: the layer's description and what it made while it ran."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...core import Layer, Model, Part

Path = tuple[str, ...]

_NO_PARTS = ("parent", "name", "graph", "_description")


@dataclasses.dataclass(frozen=True)
class Found:
    """A layer at its place in the tree of variables.

    Attributes:
        layer: the layer of the description, or what was seen of one that another made while it ran.
        path: where its variables are; `None` where none can be.
    """

    layer: Layer | Part
    path: Path | None

    @property
    def kind(self) -> type:
        return self.layer.kind if isinstance(self.layer, Part) else type(self.layer)


def inside(found: Found, seen: Mapping[str, Any]) -> dict[str, Any]:
    """What a layer holds by attribute: `Found` layers, and lists and dicts of them.

    Args:
        found: the layer.
        seen: the parts that were seen in it while it ran.
    """
    layer, path = found.layer, found.path
    parts = _placed(layer, path) if isinstance(layer, Layer) else {}
    made = seen or (layer.inside if isinstance(layer, Part) else {})
    parts |= {name: _of_part(value) for name, value in made.items() if not any(_layers(parts.get(name)))}
    return parts


def by_name(found: Found, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The same in the order in which Keras looks for weights: a model's layers, then attributes by name, private last.

    What Keras finds in a subclassed model's `layers`, it has no other place for.
    """
    first = "layers" if issubclass(found.kind, Model) and "layers" in parts else None
    more = {"layers": listed(parts)} if issubclass(found.kind, Model) and first is None else {}
    order = sorted({*parts, *more}, key=lambda n: (n != first, f"~{n}" if n.startswith("_") else n))
    return {name: more[name] if name in more else parts[name] for name in order}


def _layers(value: Any) -> Iterator[Any]:
    if isinstance(value, Found | Layer):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _layers(item)


def listed(parts: Mapping[str, Any]) -> list[Found]:
    """The layers directly in another in the order in which they came there, each once: Keras's `model.layers`."""
    found = [layer for value in parts.values() for layer in _layers(value)]
    found.sort(key=lambda f: f.layer.rank if isinstance(f.layer, Part) else -1)
    return list({id(f.layer) if isinstance(f.layer, Layer) else f.path: f for f in found}.values())


def _of_part(value: Any) -> Any:
    if isinstance(value, Part):
        return Found(value, value.path)
    if isinstance(value, Mapping):
        return {key: _of_part(item) for key, item in value.items()}
    return [_of_part(item) for item in value] if isinstance(value, list) else value


# ------------------------------------------------------------------ what a description holds
def _placed(layer: Layer, path: Path | None) -> dict[str, Any]:
    """The layers of a description, each where Linen keeps its variables: under the first attribute that has it."""
    graph = getattr(layer, "graph", None)
    names: dict[int, str] = {} if graph is None else {id(sub): str(sub.name) for sub in graph.layers}
    held = {name: value for name, value in _held(layer).items() if any(_layers(value))}
    for name, value in held.items():
        _name(layer, name, value, names)

    def place(value: Any) -> Any:
        if isinstance(value, Layer):
            return Found(value, None if path is None else (*path, names[id(value)]))
        if isinstance(value, Mapping):
            return {key: place(item) for key, item in value.items()}
        return [place(item) for item in value] if isinstance(value, list | tuple) else None

    if graph is not None:
        held = {"layers": layer.layers, **held}  # type: ignore[attr-defined]
    return {name: place(value) for name, value in held.items()}


def _held(layer: Layer) -> dict[str, Any]:
    says: Callable[[], Mapping[str, Any]] | None = getattr(layer, "_keras_attributes", None)
    if says is not None:  # the layer says what Keras calls its parts
        return dict(says())
    held = {f.name: getattr(layer, f.name, None) for f in dataclasses.fields(layer) if f.name not in _NO_PARTS}
    if layer._description is not None:
        held.update(layer._description.attributes or {})
    return held


def _name(owner: Layer, name: str, value: Any, names: dict[int, str]) -> None:
    """Linen's names for the layers in an attribute: `blocks_0` in a list, `heads_left` in a dict."""
    if isinstance(value, Layer):
        keeps = getattr(type(owner), "preserve_adopted_names", False)
        names.setdefault(id(value), str(value.name) if keeps and value.name else name)
    elif isinstance(value, list | tuple | Mapping):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            _name(owner, f"{name}_{key}", item, names)
