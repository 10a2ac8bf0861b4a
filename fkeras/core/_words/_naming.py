"""Names, as a function of the description: no counters that outlive a call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from ._errors import explain


def snake_case(name: str) -> str:
    """Keras's layer name for a class name.

    >>> [snake_case(n) for n in ("Conv2D", "MaxPooling2D", "LSTM", "MultiHeadAttention")]
    ['conv2d', 'max_pooling2d', 'lstm', 'multi_head_attention']
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def free_name(base: str, taken: Iterable[str]) -> str:
    """`base`, or the first of `base_1`, `base_2`, … that is not taken.

    >>> free_name("dense", {"dense", "dense_1"})
    'dense_2'
    """
    taken = set(taken)
    if base not in taken:
        return base
    count = 1
    while f"{base}_{count}" in taken:
        count += 1
    return f"{base}_{count}"


class Named(Protocol):
    """A layer, as far as its name goes."""

    name: str | None

    def _name_may_change(self) -> bool: ...

    def _set_name(self, name: str) -> None: ...


def name_layers(layers: Iterable[Named], owner: str) -> None:
    """Give each layer that has no name yet the next free one; a layer keeps its name for good.

    The one write that a layer sees after its construction: it happens once, when it first joins a model.

    Args:
        layers: distinct layers, in the order in which unnamed ones are counted.
        owner: the model's name, for the message.

    Raises:
        ValueError: two different layers share a name.
    """
    layers = list(layers)
    taken: dict[str, Named] = {}
    for layer in layers:
        if layer.name is None or layer._name_may_change():
            continue
        if layer.name in taken:
            one, two = taken[layer.name], layer
            raise ValueError(
                explain(
                    f"Two different layers of {owner} share the name {layer.name!r}.",
                    received=f"{one!r} and {two!r}",
                    usually="both got their name when each first joined a model of its own, or name= was given twice.",
                    write=f"name= on one of them, e.g. {type(two).__name__}(..., name={layer.name + '_b'!r})",
                )
            )
        taken[layer.name] = layer
    counts: dict[str, int] = {}  # where to go on searching, so that naming n layers costs n steps
    for layer in layers:
        if layer._name_may_change():
            base = layer.name or snake_case(type(layer).__name__)  # Keras calls a functional model `functional`
            name = base if base not in taken else None
            while name is None:
                counts[base] = counts.get(base, 0) + 1
                if f"{base}_{counts[base]}" not in taken:
                    name = f"{base}_{counts[base]}"
            taken[name] = layer
            layer._set_name(name)
