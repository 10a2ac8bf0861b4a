"""Which weights of a model train, and under which constraints: what its layers say, and the layers around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax

from .._graph._graph import Graph
from .._graph._inferred import struct_of
from .._graph._shape_inference import infer
from .._layer._bound_sublayers import Path, below
from .._layer._layer import Layer, WeightFacts
from ..typing import Key, PyTree, Variables


def weight_facts(model: Layer, args: Sequence[PyTree]) -> dict[Path, WeightFacts]:
    """What each layer says of its weights, by path; the innermost layer that was told whether it trains decides.

    As in Keras nothing trains in a model whose own flag says so.

    Args:
        model: the model.
        args: an example input, for a model without a graph; nothing where the graph is to be asked.

    Returns:
        Facts by the path of each weight.
    """
    graph = model.graph
    facts = _of_trace(model, args) if graph is None or args else _of_graph(model, graph)

    def trains(path: Path) -> bool:
        around = [facts[path[:i]] for i in range(len(path), -1, -1) if path[:i] in facts]
        said = next((fact.trainable for fact in around if not fact.trainable or fact.unfrozen), True)
        return said and (() not in facts or facts[()].trainable)

    return {path: dataclasses.replace(fact, trainable=trains(path)) for path, fact in facts.items()}


def _of_graph(model: Layer, graph: Graph) -> dict[Path, WeightFacts]:
    """What the layers of a graph said when it was described."""
    facts: dict[Path, WeightFacts] = {(): WeightFacts(model.trainable, {})}
    for node in graph.nodes:
        for path, fact in node.facts.items():
            place = (node.operation.name, *path)
            if place not in facts:
                inside = below(fact.inside, place[:1])
                facts[place] = dataclasses.replace(fact, inside=inside) if inside else fact
    return facts


def _of_trace(model: Layer, args: Sequence[PyTree]) -> dict[Path, WeightFacts]:
    """What the layers of a model say on an example input."""
    facts: dict[Path, WeightFacts] = {}
    leaves, treedef = jax.tree.flatten(tuple(args))

    def function(key: Key, arrays: list[jax.Array]) -> tuple[PyTree, Variables]:
        return model._abstract_call(key, jax.tree.unflatten(treedef, arrays), {}, facts)

    infer(function, [struct_of(leaf) for leaf in leaves])
    return facts
