"""A graph's variables from an example input, where some depend on it: caches as long as the batch, weights of data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from .._graph._graph import Graph, replay
from .._graph._inferred import struct_of
from .._graph._shape_inference import infer
from .._graph._symbolic import Node, Op, SymbolicTensor


def variables_of(graph: Graph, values: list[Any], key_of: Callable[[Any], jax.Array]) -> dict[int, Any]:
    """The variables of each layer of a graph.

    Args:
        graph: what the model runs.
        values: the example, one array or `jax.ShapeDtypeStruct` for each leaf of the graph's inputs.
        key_of: each layer's key.

    Returns:
        Each layer's variables, by its `id`.
    """
    made: dict[int, Any] = {}
    data = any("value" in node.found.needs for node in graph.nodes) and all(hasattr(v, "__array__") for v in values)

    def call(node: Node, leaves: list[Any]) -> list[Any]:
        operation: Any = node.operation
        places = [i for i, leaf in enumerate(node.leaves) if isinstance(leaf, SymbolicTensor)]
        arrays = [leaves[i] for i in places]
        here = infer(functools.partial(_outcome, node, leaves, places), [struct_of(a) for a in arrays])
        if not isinstance(operation, Op) and id(operation) not in made:
            made[id(operation)] = here.program(key_of(operation), arrays)
        if not data:
            return jax.tree.leaves(here.outputs)
        args, kwargs = jax.tree.unflatten(node.treedef, leaves)
        if isinstance(operation, Op):
            return jax.tree.leaves(operation.function(*args, **kwargs))
        return jax.tree.leaves(operation.apply(made[id(operation)], *args, **kwargs))

    replay(graph, values, call)
    return made


def _outcome(node: Node, leaves: list[Any], places: list[int], key: jax.Array, arrays: list[Any]) -> tuple[Any, Any]:
    """What a call of the graph returns, and the variables that it makes."""
    filled = list(leaves)
    for place, array in zip(places, arrays, strict=True):
        filled[place] = array
    args, kwargs = jax.tree.unflatten(node.treedef, filled)
    if isinstance(node.operation, Op):
        return node.operation.function(*args, **kwargs), {}
    return node.operation._abstract_call(key, args, kwargs)
