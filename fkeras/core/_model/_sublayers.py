"""What is inside a layer: its sublayers, their paths, and what they say of their weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import jax

from .._graph._inferred import struct_of
from .._graph._shape_inference import infer
from .._layer._bound_sublayers import below
from .._layer._layer import Layer, WeightFacts
from .._words._errors import did_you_mean, explain
from ..typing import Key, PyTree, Variables

Path = tuple[str, ...]


def children(layer: Layer) -> list[tuple[str, Layer]]:
    """The layers directly inside a layer, each once, with the name under which its variables live."""
    graph = getattr(layer, "graph", None)
    found: list[tuple[str, Layer]] = []
    if graph is not None:
        found = [(sub.name, sub) for sub in graph.layers]
    else:
        keep_names = getattr(type(layer), "preserve_adopted_names", False)
        for field in type(layer).__dataclass_fields__:
            if field not in ("parent", "name", "_description"):
                found += _within(field, getattr(layer, field, None), keep_names)
        description = layer._description
        for attribute, value in ((description.attributes or {}) if description is not None else {}).items():
            found += _within(attribute, value, keep_names)
    seen: set[int] = set()
    return [(n, s) for n, s in found if not (id(s) in seen or seen.add(id(s)))]  # type: ignore[func-returns-value]


def _within(name: str, value: object, keep_names: bool) -> list[tuple[str, Layer]]:
    """Linen's names for the modules in an attribute: `blocks_0` in a list, `heads_left` in a dict."""
    if isinstance(value, Layer):
        return [(value.name if keep_names and value.name else name, value)]
    if isinstance(value, list | tuple):
        return [p for i, v in enumerate(value) for p in _within(f"{name}_{i}", v, keep_names)]
    if isinstance(value, Mapping):
        return [p for k, v in value.items() for p in _within(f"{name}_{k}", v, keep_names)]
    return []


def walk(layer: Layer, path: Path = ()) -> Iterator[tuple[Path, Layer]]:
    """Every layer inside a layer with its path, outermost first."""
    for name, sub in children(layer):
        yield (*path, name), sub
        yield from walk(sub, (*path, name))


def check_shared(model: Layer) -> None:
    """Refuse a layer that is reached at two places of the model's tree: its weights would become two silent copies.

    A layer without weights may stand at both, as an `Input` does from which a model and a model around it begin.

    Raises:
        ValueError: naming both paths.
    """
    where: dict[int, Path] = {}
    for path, layer in walk(model):
        other = where.setdefault(id(layer), path)
        if other != path and _may_have_weights(layer):
            raise ValueError(
                explain(
                    f"{layer.path_text()} is reached twice in {type(model).__name__}: "
                    f"at {'/'.join(other)!r} and at {'/'.join(path)!r}.",
                    usually="a layer is used directly and inside a nested model; its weights live in one place.",
                    write="call the nested model for both uses, or call the layer twice at the same level",
                )
            )


def _may_have_weights(layer: Layer) -> bool:
    """Whether the layer made weights when it was called; one that was called in no graph may."""
    nodes = layer._recorded_nodes()
    return not nodes or any(jax.tree.leaves(n.variables) for n in nodes)


def find_path(model: Layer, nested: Layer | str) -> Path:
    """The path of a layer inside a model: by identity, by path text, or else by a name that occurs once.

    Raises:
        ValueError: not in the model.
    """
    everything = list(walk(model))
    if isinstance(nested, str):
        for path, _ in everything:
            if "/".join(path) == nested:
                return path
    else:
        for path, layer in everything:
            if layer is nested:
                return path
        named = [p for p, layer in everything if layer.name == nested.name and type(layer) is type(nested)]
        if len(named) == 1:
            return named[0]
    shown = nested if isinstance(nested, str) else nested.name
    raise ValueError(
        explain(
            f"{model.path_text()} contains no layer {shown!r}.",
            received=repr(nested)[:80],
            usually=did_you_mean(shown, ["/".join(p) for p, _ in everything]),
            write="model.variables_for(layer, variables), with a layer the model was built from",
        )
    )


def weight_facts(model: Layer, args: tuple[PyTree, ...]) -> dict[Path, WeightFacts]:
    """What each layer says of its weights, by path; the innermost layer that was told whether it trains decides.

    As in Keras nothing trains in a model whose own flag says so.
    """
    facts: dict[Path, WeightFacts] = {}
    graph = getattr(model, "graph", None)
    if graph is not None and not args:
        facts[()] = WeightFacts(model.trainable, {})
        for node in graph.nodes:
            for path, fact in node.facts.items():
                place = (node.operation.name, *path)
                if place not in facts:
                    inside = below(fact.inside, place[:1])
                    facts[place] = dataclasses.replace(fact, inside=inside) if inside else fact
    else:
        leaves, treedef = jax.tree.flatten(args)

        def function(key: Key, arrays: list[jax.Array]) -> tuple[PyTree, Variables]:
            return model._abstract_call(key, jax.tree.unflatten(treedef, arrays), {}, facts)

        infer(function, [struct_of(leaf) for leaf in leaves])

    def trains(path: Path) -> bool:
        around = [facts[path[:i]] for i in range(len(path), -1, -1) if path[:i] in facts]
        said = next((fact.trainable for fact in around if not fact.trainable or fact.unfrozen), True)
        return said and (() not in facts or facts[()].trainable)

    return {path: dataclasses.replace(fact, trainable=trains(path)) for path, fact in facts.items()}
