"""What the variables of a live Keras layer are called: by the attributes that lead to them.

Keras's own paths count the layers of the process (`dense_57/kernel`), so that a model that is made twice has two sets
of names. Names of attributes are those that the author wrote down, and the same each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType

from ...core import snake_case
from ...core.typing import PyTree
from ._library import LiveObject


def named_variables(keras: ModuleType, layer: LiveObject) -> dict[str, LiveObject]:
    """The variables of a layer by name, those of the layers within it after their attributes: `attention.query.kernel`.

    Args:
        keras: the library.
        layer: a layer of it that is built. Seeds are left out: they are no state of a model here.

    Returns:
        Every variable once, in the order of `layer.variables`.
    """
    own = {*vars(keras.layers.Layer(name="plain")), *vars(keras.Model(name="plain"))}
    names: dict[int, str] = {}
    seeds = seed_states(layer)
    for name, variable in _walk(keras, layer, "", own, set()):
        names.setdefault(id(variable), name)
    named: dict[str, LiveObject] = {}
    for variable in layer.variables:
        if id(variable) in seeds:
            continue
        wanted = free = names.get(id(variable), variable.name).replace("/", ".")
        count = 0
        while free in named:
            count += 1
            free = f"{wanted}_{count}"
        named[free] = variable
    return named


def seed_states(layer: LiveObject) -> dict[int, LiveObject]:
    """The states of seed generators among a layer's variables, by `id`."""
    return {id(v): v for v in layer.variables if v.name == "seed_generator_state" and tuple(v.shape) == (2,)}


def _walk(
    keras: ModuleType, value: PyTree, name: str, own: set[str], seen: set[int]
) -> Iterator[tuple[str, LiveObject]]:
    """The variables that can be reached from a value, with the names on the way."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, keras.Variable):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(keras, item, f"{name}_{key}", own, seen)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _walk(keras, item, f"{name}_{i}", own, seen)
    elif isinstance(value, keras.layers.Layer | keras.metrics.Metric):
        has_graph = hasattr(value, "operations") or isinstance(value, keras.Sequential)
        held = [(a.lstrip("_"), item) for a, item in vars(value).items() if a not in own]
        listed = _listed(value) if isinstance(value, keras.Model) else []
        for attribute, item in [*listed, *held] if has_graph else [*held, *listed]:
            short = item.name if isinstance(item, keras.Variable) else attribute
            yield from _walk(keras, item, _join(name, short), own, seen)


def _listed(model: LiveObject) -> list[tuple[str, LiveObject]]:
    """The layers of a model, each by its name; those that Keras named are counted within the model."""
    counts: dict[str, int] = {}
    named = []
    for layer in model.layers:
        kind = snake_case(type(layer).__name__)
        own = layer.name
        if re.fullmatch(rf"{kind}(_[0-9]+)?", own):
            counts[kind] = counts.get(kind, -1) + 1
            own = f"{kind}_{counts[kind]}" if counts[kind] else kind
        named.append((own, layer))
    return named


def _join(*parts: str) -> str:
    return ".".join(part.replace("/", ".") for part in parts if part)
