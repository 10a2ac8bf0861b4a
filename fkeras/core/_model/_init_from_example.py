"""A graph's variables from an example input, where some depend on it: caches as long as the batch, weights of data."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from .._graph._graph import Graph, replay
from .._graph._inferred import struct_of
from .._graph._op import Op
from .._graph._shape_inference import infer
from .._graph._symbolic import Node, SymbolicTensor
from .._layer._layer import Layer
from ..typing import Key, PyTree, Variables


def variables_of(
    graph: Graph, values: Sequence[jax.Array | jax.ShapeDtypeStruct], key_of: Callable[[Layer], Key]
) -> dict[int, Variables]:
    """The variables of each layer of a graph.

    Args:
        graph: what the model runs.
        values: the example, one array or `jax.ShapeDtypeStruct` for each leaf of the graph's inputs.
        key_of: each layer's key.

    Returns:
        Each layer's variables, by its `id`.
    """
    variables: dict[int, Variables] = {}
    # where a value follows from the data, the graph is run, and not only its shapes
    runs = any(node.inferred.needs_values for node in graph.nodes) and all(hasattr(v, "__array__") for v in values)

    def call(node: Node, leaves: list[Any]) -> list[Any]:
        operation = node.operation
        places = [i for i, leaf in enumerate(node.leaves) if isinstance(leaf, SymbolicTensor)]
        arrays = [leaves[i] for i in places]
        here = infer(functools.partial(_outcome, node, leaves, places), [struct_of(a) for a in arrays])
        if not isinstance(operation, Op) and id(operation) not in variables:
            variables[id(operation)] = here.program(key_of(operation), arrays)
        if not runs:
            return jax.tree.leaves(here.outputs)
        args, kwargs = node.arguments_with(leaves)
        if isinstance(operation, Op):
            return jax.tree.leaves(operation.function(*args, **kwargs))
        return jax.tree.leaves(operation.apply(variables[id(operation)], *args, **kwargs))

    replay(graph, values, call)
    return variables


def _outcome(
    node: Node, leaves: list[Any], places: list[int], key: Key, arrays: list[jax.Array]
) -> tuple[PyTree, Variables]:
    """What a call of the graph returns, and the variables that it makes."""
    filled = list(leaves)
    for place, array in zip(places, arrays, strict=True):
        filled[place] = array
    args, kwargs = node.arguments_with(filled)
    if isinstance(node.operation, Op):
        return node.operation.function(*args, **kwargs), {}
    outcome: tuple[PyTree, Variables] = node.operation._abstract_call(key, args, kwargs)
    return outcome
