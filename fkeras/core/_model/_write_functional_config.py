"""A functional model as Keras's config: its layers, and how they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from .._graph._graph import Graph
from .._graph._op import Op
from .._graph._ops_config import facts_of, split_arguments
from .._graph._ops_limits import check_op
from .._graph._symbolic import Node, SymbolicTensor
from .._layer._build_config import build_config_of
from .._layer._layer import Layer
from .._words._config import serialize, serialize_object
from .._words._dtypes import dtype_name
from ..typing import JSON, Config, PyTree
from ._input import InputLayer
from ._keras_history import TENSOR, Histories, in_lists, is_functional


def graph_config(model: Layer, graph: Graph) -> Config:
    """`{"name", "trainable", "layers", "input_layers", "output_layers"}` of a functional model."""
    histories = Histories(graph)
    entries = [_input_entry(tensor, name) for tensor, name in histories.added]
    for operation in graph.operations:
        if isinstance(operation, Node):
            name, entry = graph.name_of(operation), _op_entry(operation, graph)
            calls: Sequence[Node] = [operation]
        else:
            name, entry = str(operation.name), layer_entry(operation, graph)
            calls = graph.calls_of_index.get(id(operation), ())
        inbound = [_call_record(node, histories) for node in calls]
        entries.append({**entry, "name": name, "inbound_nodes": inbound})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": entries,
        "input_layers": _ends(graph.inputs, histories),
        "output_layers": _ends(graph.outputs, histories),
    }


def layer_entry(layer: Layer, graph: Graph | None) -> Config:
    """A layer's record: address, config, and the input shape its weights were made for.

    Args:
        layer: the layer.
        graph: that of the model in which it is; `None` for a layer by itself.
    """
    entry = serialize_object(layer)
    if is_functional(layer):
        entry.update(module="keras.src.models.functional", class_name="Functional", registered_name="Functional")
    calls = graph.calls_of_index.get(id(layer)) if graph is not None else None
    if calls and calls[0].variables.get("params"):
        entry["build_config"] = build_config_of(layer, calls[0])
    return entry


def _op_entry(node: Node, graph: Graph) -> Config:
    op = node.operation
    check_op(op.name)  # what no file may call is not written to one
    facts = facts_of(op.name)
    settings = split_arguments(op, *node.arguments)[2]
    return {
        "module": facts.module,
        "class_name": facts.class_name,
        "config": {"name": graph.name_of(node), **{key: serialize(value) for key, value in settings.items()}},
        "registered_name": facts.class_name,
    }


def _input_entry(tensor: SymbolicTensor, name: str) -> Config:
    layer = InputLayer(batch_shape=tensor.shape, dtype=dtype_name(tensor.dtype), name=name)
    return {**serialize_object(layer), "name": name, "inbound_nodes": []}


def _ends(tree: PyTree, histories: Histories) -> JSON:
    def write(tensor: SymbolicTensor) -> list[JSON]:
        return list(histories.of_end(tensor))

    return write(tree) if isinstance(tree, SymbolicTensor) else jax.tree.map(write, in_lists(tree))


def _call_record(node: Node, histories: Histories) -> Config:
    def write(leaf: object) -> JSON:
        if not isinstance(leaf, SymbolicTensor):
            written: JSON = serialize(leaf)
            return written
        config: dict[str, JSON] = {
            "shape": list(leaf.shape),
            "dtype": dtype_name(leaf.dtype),
            "keras_history": list(histories.of(leaf)),
        }
        return {"class_name": TENSOR, "config": config}

    args, kwargs = node.arguments_with([_Written(write(leaf)) for leaf in node.leaves])
    if isinstance(node.operation, Op):
        listed, named, _ = split_arguments(node.operation, args, kwargs)
        return {"args": _unwrap(listed), "kwargs": _unwrap(named)}
    return {"args": _unwrap(args), "kwargs": _unwrap(kwargs)}


class _Written:
    """A leaf that is already JSON, so that no tree function looks inside it."""

    def __init__(self, value: JSON) -> None:
        self.value = value


def _unwrap(tree: Any) -> JSON:
    if isinstance(tree, _Written):
        return tree.value
    if isinstance(tree, list | tuple):
        return [_unwrap(value) for value in tree]
    return {key: _unwrap(value) for key, value in tree.items()} if isinstance(tree, Mapping) else tree
