"""What makes two layers the same value: their class and configuration, whatever their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._words._fields import value_fields
from .._words._hashing import hashable
from ._linen_modules import holds_module

if TYPE_CHECKING:
    from ._layer import Layer


def key_of(layer: Layer) -> tuple[object, ...]:
    """What the layer is, as a hashable value; its own name is not part of it, those of the layers in it are."""
    parts = [(name, hashable(getattr(layer, name, None))) for name in value_fields(type(layer))]
    description = layer._description
    if description is not None:
        parts.append(("arguments", (hashable(description.config), hashable(description.rest))))
        attributes = description.attributes or {}
        parts.append(("layers", hashable([v for v in attributes.values() if holds_module(v)])))
    return type(layer), tuple(parts)


def are_equal(one: Layer, other: Layer) -> bool:
    """Whether two layers of one class are the same value, of one name, and bound to the same scope if they are."""
    place = one.name == other.name and one._batch_input_shape == other._batch_input_shape
    return place and one.scope is other.scope and one._layer_key() == other._layer_key()
