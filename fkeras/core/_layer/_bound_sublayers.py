"""What is inside a layer while it runs: layers made in `build` or `setup` are on no description, only on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ._linen_modules import is_layer
from ._sealing import call_state

if TYPE_CHECKING:
    from ._layer import Layer

Path = tuple[str, ...]
#: Layers as they are held by an attribute: one, or lists and dicts of them with `None` for all else.
Inside: TypeAlias = "Part | Mapping[str, Inside] | list[Inside] | None"

# No list of layers is as long; a vocabulary may have millions of words, which nobody wants to look at one by one.
_LONGEST = 10_000


@dataclasses.dataclass(frozen=True)
class Part:
    """A layer as it was when the layer around it ran.

    Attributes:
        kind: its class.
        name: its name.
        path: where its variables are, from the layer that was traced; `None` for one that has no place.
        inside: what it holds, by attribute: parts, and lists and dicts of them, in the order in which they were set.
        rank: how many others `build` had made when it made this one; -1 for one that was there before.
    """

    kind: type
    name: str
    path: Path | None
    inside: Mapping[str, Inside]
    rank: int = -1

    def below(self, path: Path) -> Part:
        """The same, seen from a layer around the one that was traced."""
        return dataclasses.replace(
            self, path=None if self.path is None else (*path, *self.path), inside=below(self.inside, path)
        )


def below(inside: Inside, path: Path) -> Any:
    """`Part.below` of all parts in lists and dicts."""
    if isinstance(inside, Part):
        return inside.below(path)
    if isinstance(inside, Mapping):
        return {key: below(value, path) for key, value in inside.items()}
    return [below(value, path) for value in inside] if isinstance(inside, list) else inside


def parts_of(layer: Layer, around: tuple[int, ...] = ()) -> dict[str, Inside]:
    """The layers that a layer holds by attribute while it is bound; attributes without any are left out."""
    inside = getattr(layer, "_keras_attributes", None)
    held = {n: v for n, v in vars(layer).items() if n != "parent"} if inside is None else inside()
    ranks = {id(sub): rank for rank, sub in enumerate(call_state(layer).layers_built)}
    parts = {name: _part(value, ranks, (*around, id(layer))) for name, value in held.items() if _holds_layer(value)}
    graph = layer.graph
    if graph is not None:  # its layers are bound where they run, and held nowhere
        own = layer.path if layer.scope is not None else None
        parts["layers"] = [
            Part(type(sub), str(sub.name), None if own is None else (*own, str(sub.name)), {}) for sub in graph.layers
        ]
    return parts


def _part(value: object, ranks: Mapping[int, int], around: tuple[int, ...]) -> Inside:
    if id(value) in around:
        return None
    if is_layer(value):
        bound = value.scope is not None
        path = tuple(value.path) if bound else None
        inside = parts_of(value, around) if bound else {}
        return Part(type(value), str(value.name), path, inside, ranks.get(id(value), -1))
    around = (*around, id(value))
    if isinstance(value, Mapping):
        return {str(key): _part(item, ranks, around) for key, item in value.items()}
    return [_part(item, ranks, around) for item in value] if isinstance(value, list | tuple) else None


def _holds_layer(value: object, around: tuple[int, ...] = ()) -> bool:
    if is_layer(value):
        return True
    if not isinstance(value, list | tuple | Mapping) or len(value) > _LONGEST or id(value) in around:
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return any(_holds_layer(item, (*around, id(value))) for item in items)
