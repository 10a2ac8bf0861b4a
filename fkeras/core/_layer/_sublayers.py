"""The layers inside a layer, as its description has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .._words._fields import value_fields
from ._bound_sublayers import Path
from ._linen_modules import is_layer

if TYPE_CHECKING:
    from ._layer import Layer


def sublayers_of(layer: Layer) -> dict[str, Layer]:
    """The layers directly inside a layer, each once, by the name under which its variables live."""
    pairs: list[tuple[str, Layer]] = []
    if layer.graph is not None:
        pairs = [(sub.name, sub) for sub in layer.graph.layers]
    else:
        keep_names = getattr(type(layer), "preserve_adopted_names", False)
        for name in value_fields(type(layer)):
            pairs += _within(name, getattr(layer, name, None), keep_names)
        description = layer._description
        for attribute, value in ((description.attributes or {}) if description is not None else {}).items():
            pairs += _within(attribute, value, keep_names)
    first: dict[int, tuple[str, Layer]] = {}
    for name, sub in pairs:
        first.setdefault(id(sub), (name, sub))
    return dict(first.values())


def _within(name: str, value: object, keep_names: bool) -> list[tuple[str, Layer]]:
    """Linen's names for the modules in an attribute: `blocks_0` in a list, `heads_left` in a dict."""
    if is_layer(value):
        return [(value.name if keep_names and value.name else name, value)]
    if isinstance(value, list | tuple):
        return [pair for i, item in enumerate(value) for pair in _within(f"{name}_{i}", item, keep_names)]
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _within(f"{name}_{key}", item, keep_names)]
    return []


def walk(layer: Layer, path: Path = ()) -> Iterator[tuple[Path, Layer]]:
    """Every layer inside a layer with its path, outermost first."""
    for name, sub in sublayers_of(layer).items():
        yield (*path, name), sub
        yield from walk(sub, (*path, name))
