"""The graph of a model as TensorBoard draws it: its layers, what each is given, shapes and weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ...core import Op, Sequential, SymbolicTensor, children, is_symbolic, plain_path_name, replay
from ...core.typing import PyTree
from .._step._forward import graph_of

#: TensorFlow's names of dtypes, where they are not numpy's.
_DTYPES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF", "str": "STRING"}


def graph_record(model: Any, variables: PyTree) -> Any:
    """The record of an event file that holds a model's graph.

    Args:
        model: an fkeras model, or any Linen module.
        variables: its variables, or their shapes.

    Layers are nodes, with what they are given as inputs; those of a model inside a model are in its scope. Of what is
    described by no graph, a model of one's own class or a Linen module, the parts that have weights are nodes alone.
    """
    from tensorboardX.proto.event_pb2 import Event as Record
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.versions_pb2 import VersionDef

    if graph_of(model) is not None:
        nodes = _nodes_of_graph(model)
    elif isinstance(model, Sequential):
        nodes = _nodes_of_chain(model, variables)
    else:
        nodes = _nodes_of_weights(variables)
    return Record(graph_def=GraphDef(node=nodes, versions=VersionDef(producer=22)).SerializeToString())


def _nodes_of_graph(model: Any) -> list[Any]:
    """A node for each call of a layer, and for each input."""
    graph, found = graph_of(model), list[Any]()
    starts = [_name(graph.tensor_name(tensor)) for tensor in graph.input_tensors]
    for name, tensor in zip(starts, graph.input_tensors, strict=True):
        found.append(_node(name, "InputLayer", (), [tensor.struct]))
    _inline(graph, starts, "", found)
    return found


def _inline(graph: Any, values: Sequence[str], scope: str, found: list[Any]) -> list[str]:
    """Add the calls of a graph, which gets the outputs of other nodes, and return its own outputs."""
    calls: dict[int, int] = {}

    def call(node: Any, leaves: list[object]) -> list[str]:
        operation = node.operation
        calls[id(operation)] = nth = calls.get(id(operation), 0) + 1
        name = scope + _name(graph.name_of(node)) + (f"/call_{nth}" if nth > 1 else "")
        inputs = [leaf for leaf, given in zip(leaves, node.leaves, strict=True) if isinstance(given, SymbolicTensor)]
        inner = graph_of(operation)
        if inner is not None and len(inputs) == len(inner.input_tensors):
            return _inline(inner, [str(given) for given in inputs], f"{name}/", found)
        kind = operation.name if isinstance(operation, Op) else type(operation).__name__
        outputs = jax.tree.leaves(node.outputs)
        found.append(_node(name, kind, inputs, outputs, node.variables))
        return [name, *(f"{name}:{i}" for i in range(1, len(outputs)))]

    return replay(graph, values, call)


def _nodes_of_chain(model: Sequential, variables: PyTree) -> list[Any]:
    """The layers of a Sequential that was described without an input: each is given what the one before returns."""
    found, before = list[Any](), list[str]()
    for name, layer in children(model):
        weights = {kind: parts[name] for kind, parts in variables.items() if name in parts}
        found.append(_node(_name(name), type(layer).__name__, before, (), weights))
        before = [_name(name)]
    return found


def _nodes_of_weights(variables: PyTree) -> list[Any]:
    """A node for each part that has weights of its own, which say nothing of what flows between them."""
    parts: dict[str, dict[str, Any]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        collection, *place, _ = plain_path_name(path).split("/")
        owner = "/".join(place) or "model"
        parts.setdefault(owner, {})[f"{collection}/{plain_path_name(path).rpartition('/')[2]}"] = leaf
    return [_node(_name(owner), "Module", (), (), weights) for owner, weights in sorted(parts.items())]


def _node(name: str, kind: str, inputs: Sequence[object], outputs: Sequence[Any], weights: PyTree = None) -> Any:
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.types_pb2 import DataType

    attributes = {}
    if outputs:
        shapes = [_shape(struct.shape) for struct in outputs]
        attributes["_output_shapes"] = AttrValue(list=AttrValue.ListValue(shape=shapes))
        dtype = np.dtype(outputs[0].dtype).name
        kind_of = f"DT_{_DTYPES.get(dtype, dtype.upper())}"
        if kind_of in DataType.keys():  # noqa: SIM118 - the enum is no mapping
            attributes["dtype"] = AttrValue(type=DataType.Value(kind_of))
    for path, leaf in _weights(weights):
        attributes[path] = AttrValue(shape=_shape(leaf.shape))
    return NodeDef(name=name, op=kind, input=[str(given) for given in inputs], attr=attributes)


def _weights(weights: PyTree) -> Iterator[tuple[str, Any]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(weights or {}):
        yield plain_path_name(path), leaf


def _shape(shape: Sequence[Any]) -> Any:
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

    sizes = [-1 if is_symbolic(size) else int(size) for size in shape]
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


def _name(name: str) -> str:
    """A name without what TensorFlow reads as an output's number or as a control input."""
    return name.replace(":", "_").removeprefix("^")
