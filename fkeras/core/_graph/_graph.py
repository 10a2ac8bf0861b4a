"""The graph between a model's inputs and outputs: which calls, in which order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

import jax

from .._words._errors import explain
from .._words._hashing import hashable
from .._words._naming import name_layers
from ..typing import PyTree
from ._op import Op, Reduced
from ._op_calls import op_call
from ._operation_order import execution_order, keras_order, key_of, unique
from ._symbolic import LayerLike, Node, SymbolicTensor, history, placed, record, unplaced

Value = TypeVar("Value")


class Graph:
    """An immutable graph of recorded calls, cut at `inputs`.

    Args:
        inputs: a symbolic tensor, or any pytree of them.
        outputs: likewise.
        owner: what messages call the model.

    Attributes:
        input_tensors, output_tensors: the leaves of `inputs` and `outputs`.
        nodes: the recorded calls in execution order.
        operations: the distinct layers, and the nodes of ops, in Keras's order (by depth).
        op_names: a name for each op node, by `id(node)`.
        calls_of_index: the nodes in which each layer is called, by `id(layer)`.

    Raises:
        ValueError: an output that depends on an input which is not given; two layers of one name.
    """

    input_tensors: tuple[SymbolicTensor, ...]
    output_tensors: tuple[SymbolicTensor, ...]
    nodes: tuple[Node, ...]
    operations: tuple[Any, ...]
    op_names: Mapping[int, str]
    calls_of_index: Mapping[int, tuple[Node, ...]]
    _structures: tuple[jax.tree_util.PyTreeDef, jax.tree_util.PyTreeDef]

    def __init__(self, inputs: PyTree, outputs: PyTree, owner: str) -> None:
        starts, ends = tensors_of(inputs, "inputs"), tensors_of(outputs, "outputs")
        nodes = execution_order(starts, ends, owner)
        # Input layers are named first, then layers in the order in which they run, as they were written.
        placeholders = [t.node.operation for t in starts if not t.node.leaves and not isinstance(t.node.operation, Op)]
        layers = unique([*placeholders, *(n.operation for n in nodes if not isinstance(n.operation, Op))])
        name_layers(layers, owner)
        calls: dict[int, list[Node]] = {}
        for node in nodes:
            calls.setdefault(key_of(node), []).append(node)
        vars(self).update(
            input_tensors=tuple(starts),
            output_tensors=tuple(ends),
            nodes=nodes,
            operations=keras_order(starts, ends, nodes, placeholders),
            op_names=MappingProxyType(_names_of_ops(nodes, {layer.name for layer in layers})),
            calls_of_index=MappingProxyType({key: tuple(of_layer) for key, of_layer in calls.items()}),
            _structures=(jax.tree.structure(inputs), jax.tree.structure(outputs)),
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            explain(
                f"The graph of a model is immutable: its attribute {name!r} cannot be set.",
                usually="Keras code that changes a model in place; here a change makes a new model.",
                write="fk.Model(inputs, outputs), or model.map_layers(fn)",
            )
        )

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    @property
    def inputs(self) -> PyTree:
        """The inputs in the structure that the model was described with; a copy, where that is a container."""
        return self.in_structure_of_inputs(self.input_tensors)

    @property
    def outputs(self) -> PyTree:
        """The outputs in the structure that the model was described with; a copy, where that is a container."""
        return self.in_structure_of_outputs(self.output_tensors)

    def in_structure_of_inputs(self, values: Sequence[object]) -> PyTree:
        """One value for each input, in the structure that the model was described with."""
        return jax.tree.unflatten(self._structures[0], values)

    def in_structure_of_outputs(self, values: Sequence[object]) -> PyTree:
        """One value for each output, in the structure that the model was described with."""
        return jax.tree.unflatten(self._structures[1], values)

    @functools.cached_property
    def batch_size(self) -> int | None:
        """How many rows the inputs were described with; `None` for any number."""
        shapes = [tensor.shape for tensor in self.input_tensors]
        return next((shape[0] for shape in shapes if shape and shape[0] is not None), None)

    @functools.cached_property
    def layers(self) -> tuple[Any, ...]:
        """The distinct layers, input layers included, in Keras's order."""
        return tuple(operation for operation in self.operations if not isinstance(operation, Node))

    @functools.cached_property
    def needs(self) -> tuple[str, ...]:
        """Which variables of the graph's layers cannot be made without an example input, and why."""
        nodes = [node for node in self.nodes if node.inferred.needs]
        return tuple(f"{node.operation.path_text()}: {node.inferred.needs}" for node in nodes)

    def name_of(self, node: Node) -> str:
        """The name of a node's operation in this graph."""
        return self.op_names.get(id(node)) or node.operation.name

    def tensor_name(self, tensor: SymbolicTensor) -> str:
        """What a tensor is called in messages and dicts: the name of the operation that made it."""
        return self.op_names.get(id(tensor.node)) or tensor.node.operation.name or tensor.name

    # ------------------------------------------------------------------ as a value
    @functools.cached_property
    def signature(self) -> Hashable:
        """The graph as a hashable value: equal for models that were described alike."""
        number_of = {id(node): i for i, node in enumerate(self.nodes)}
        number_of.update({id(tensor.node): -1 - i for i, tensor in enumerate(self.input_tensors)})

        def sign(leaf: object) -> object:
            return ("tensor", number_of[id(leaf.node)], leaf.index) if isinstance(leaf, SymbolicTensor) else leaf

        parts: list[object] = [(str(tensor.symbolic_shape), str(tensor.dtype)) for tensor in self.input_tensors]
        for node in self.nodes:
            operation = node.operation
            if isinstance(operation, Op):
                leaves, treedef = jax.tree.flatten(op_call(node))
                parts.append((str(treedef), [sign(leaf) for leaf in leaves]))
                continue
            parts.append((operation.name, operation))
            parts.append((str(node.treedef), [sign(leaf) for leaf in node.leaves]))
        ends = [sign(tensor) for tensor in self.output_tensors]
        signature: Hashable = hashable((tuple(map(str, self._structures)), parts, ends))
        return signature

    def __hash__(self) -> int:
        return hash(self.signature)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Graph) and self.signature == other.signature)

    def __reduce__(self) -> Reduced:
        calls = history([tensor.node for tensor in (*self.input_tensors, *self.output_tensors)])
        return graph_of_history, (calls, placed(self.inputs), placed(self.outputs))


def graph_of_history(calls: tuple[Node, ...], inputs: PyTree, outputs: PyTree) -> Graph:
    """A graph, after the calls in it; a name that pickles hold, so it stays as it is."""
    return Graph(unplaced(inputs), unplaced(outputs), "Model")


def tensors_of(tree: PyTree, what: str) -> list[SymbolicTensor]:
    """The leaves of `tree`, each checked to be a symbolic tensor.

    Raises:
        ValueError: another leaf, or none at all.
    """
    leaves = jax.tree.leaves(tree)
    for leaf in leaves:
        if not isinstance(leaf, SymbolicTensor):
            raise ValueError(
                explain(
                    f"The {what} of a model must be symbolic tensors.",
                    received=f"{type(leaf).__name__}: {str(leaf)[:60]}",
                    usually="a layer, a model or an array was passed where its output was meant.",
                    write="x = fk.Input((8,)); y = fk.nn.Dense(1)(x); fk.Model(x, y)",
                )
            )
    if not leaves:
        raise ValueError(explain(f"A model needs at least one tensor as {what}.", received=repr(tree)))
    return leaves


def _names_of_ops(nodes: Iterable[Node], taken: set[str]) -> dict[int, str]:
    """A name for each node of an op, by `id(node)`: the op's own, counted where it is taken."""
    names: dict[int, str] = {}
    counts: dict[str, int] = {}  # where to go on searching, so that naming n ops costs n steps
    for node in nodes:
        if isinstance(node.operation, Op):
            base = node.operation.name.rpartition(".")[2]
            name, count = (base, 0) if base not in counts else (f"{base}_{counts[base]}", counts[base])
            while name in taken:
                count += 1
                name = f"{base}_{count}"
            counts[base] = count
            taken.add(name)
            names[id(node)] = name
    return names


# ------------------------------------------------------------------ running
def replay(graph: Graph, values: Sequence[Value], call: Callable[[Node, list[object]], Sequence[Value]]) -> list[Value]:
    """Run a graph on other values than the symbolic ones.

    Args:
        graph: what to run.
        values: one value for each leaf of `graph.inputs`.
        call: `(node, leaves) -> output leaves`; `leaves` are the node's argument leaves with each symbolic
            tensor replaced by its value.

    Returns:
        One value for each leaf of `graph.outputs`.
    """
    results: dict[tuple[int, int], Value] = {}
    for tensor, value in zip(graph.input_tensors, values, strict=True):
        results[id(tensor.node), tensor.index] = value

    def value_of(tensor: SymbolicTensor) -> Value:
        return results[id(tensor.node), tensor.index]

    for node in graph.nodes:
        outputs = call(node, [value_of(leaf) if isinstance(leaf, SymbolicTensor) else leaf for leaf in node.leaves])
        for index, value in enumerate(outputs):
            results.setdefault((id(node), index), value)  # a model's own input may be an inner tensor
    return [value_of(tensor) for tensor in graph.output_tensors]


def rerecord(
    graph: Graph, starts: Sequence[SymbolicTensor], layers: Mapping[int, LayerLike] | None = None
) -> list[SymbolicTensor]:
    """The outputs of a graph whose calls are recorded again on other symbolic tensors.

    Args:
        graph: what was recorded.
        starts: one tensor for each leaf of `graph.inputs`.
        layers: the layers to call, by `id` of those in the graph; by default those in the graph.

    Returns:
        One tensor for each leaf of `graph.outputs`.
    """

    def call(node: Node, leaves: list[object]) -> list[SymbolicTensor]:
        args, kwargs = node.arguments_with(leaves)
        operation = node.operation
        if isinstance(operation, Op):
            return jax.tree.leaves(record(operation, args, kwargs))
        layer = operation if layers is None else layers[id(operation)]
        return jax.tree.leaves(layer(*args, **kwargs))

    return replay(graph, starts, call)
