"""The graph between a model's inputs and outputs: which calls, in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from .._words._errors import explain
from .._words._hashing import hashable
from .._words._naming import name_layers
from ._symbolic import Node, Op, SymbolicTensor, record


def _free_name(base: str, taken: set[str], counts: dict[str, int]) -> str:
    """The first of `base`, `base_1`, … that is not taken, which it then is; the search goes on where it ended."""
    name, count = (base, 0) if base not in counts else (f"{base}_{counts[base]}", counts[base])
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    counts[base] = count
    taken.add(name)
    return name


def tensors_of(tree: Any, what: str) -> list[SymbolicTensor]:
    """The leaves of `tree`, each checked to be a symbolic tensor."""
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


class Graph:
    """An immutable graph of recorded calls, cut at `inputs`.

    Attributes:
        inputs, outputs: pytrees of symbolic tensors.
        nodes: the recorded calls in execution order.
        operations: the distinct layers, and the nodes of ops, in Keras's order (by depth).
        op_names: a name for each op node, by `id(node)`.
        calls_of_index: the nodes in which each layer is called, by `id(layer)`.
        batch_size: how many rows the inputs were described with; `None` for any number.
    """

    __slots__ = (
        "__weakref__", "_signature", "batch_size", "calls_of_index", "inputs", "nodes", "op_names", "operations",
        "outputs",
    )  # fmt: skip

    def __init__(self, inputs: Any, outputs: Any, owner: str) -> None:
        starts = tensors_of(inputs, "inputs")
        ends = tensors_of(outputs, "outputs")
        self.inputs, self.outputs = inputs, outputs
        self.batch_size: int | None = next((t.shape[0] for t in starts if t.shape and t.shape[0] is not None), None)
        self.nodes = _execution_order(starts, ends, owner)
        # Input layers are named first, then layers in the order in which they run, as they were written.
        placeholders = [t.node.operation for t in starts if not t.node.leaves and not isinstance(t.node.operation, Op)]
        layers = unique([*placeholders, *(n.operation for n in self.nodes if not isinstance(n.operation, Op))])
        name_layers(layers, owner)
        self.operations = _keras_order(starts, ends, self.nodes, placeholders)
        taken = {layer.name for layer in layers}
        counts: dict[str, int] = {}  # where to go on searching, so that naming n ops costs n steps
        self.op_names: dict[int, str] = {}
        for node in self.nodes:
            if isinstance(node.operation, Op):
                name = _free_name(node.operation.name.rpartition(".")[2], taken, counts)
                self.op_names[id(node)] = name

        self.calls_of_index: dict[int, list[Node]] = {}
        for node in self.nodes:
            self.calls_of_index.setdefault(_key(node), []).append(node)
        self._signature: Any = None

    def signature(self) -> tuple[Any, ...]:
        """The graph as a hashable value: equal for models that were described alike."""
        if self._signature is None:
            place = {id(n): i for i, n in enumerate(self.nodes)}
            place.update({id(t.node): -1 - i for i, t in enumerate(jax.tree.leaves(self.inputs))})

            def sign(leaf: Any) -> Any:
                return ("tensor", place[id(leaf.node)], leaf.index) if isinstance(leaf, SymbolicTensor) else leaf

            parts: list[Any] = [(str(t.symbolic_shape), str(t.dtype)) for t in jax.tree.leaves(self.inputs)]
            for node in self.nodes:
                operation = node.operation
                parts.append(operation if isinstance(operation, Op) else (operation.name, operation))
                parts.append((str(node.treedef), [sign(leaf) for leaf in node.leaves]))
            ends = [sign(t) for t in jax.tree.leaves(self.outputs)]
            structures = (str(jax.tree.structure(self.inputs)), str(jax.tree.structure(self.outputs)))
            self._signature = hashable((structures, parts, ends))
        return self._signature

    def __hash__(self) -> int:
        return hash(self.signature())

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Graph) and self.signature() == other.signature())

    @property
    def layers(self) -> list[Any]:
        """The distinct layers, input layers included, in Keras's order."""
        return [o for o in self.operations if not isinstance(o, Node)]

    @property
    def needs(self) -> list[str]:
        """Which variables of the graph's layers cannot be made without an example input, and why."""
        return [f"{node.operation.path_text()}: {node.found.needs}" for node in self.nodes if node.found.needs]

    def name_of(self, node: Node) -> str:
        """The name of a node's operation in this graph."""
        return self.op_names.get(id(node)) or node.operation.name

    def tensor_name(self, tensor: SymbolicTensor) -> str:
        """What a tensor is called in messages and dicts: the name of the operation that made it."""
        return self.op_names.get(id(tensor.node)) or tensor.node.operation.name or tensor.name


def rerecord(graph: Graph, starts: list[SymbolicTensor]) -> list[SymbolicTensor]:
    """The outputs of a graph whose calls are recorded again on other symbolic tensors."""

    def call(node: Node, leaves: list[Any]) -> list[Any]:
        args, kwargs = jax.tree.unflatten(node.treedef, leaves)
        again = (
            record(node.operation, args, kwargs) if isinstance(node.operation, Op) else node.operation(*args, **kwargs)
        )
        return jax.tree.leaves(again)

    return replay(graph, starts, call)


def replay(graph: Graph, values: list[Any], call: Callable[[Node, list[Any]], list[Any]]) -> list[Any]:
    """Run a graph on other values than the symbolic ones.

    Args:
        graph: what to run.
        values: one value for each leaf of `graph.inputs`.
        call: `(node, leaves) -> output leaves`; `leaves` are the node's argument leaves with each symbolic
            tensor replaced by its value.

    Returns:
        One value for each leaf of `graph.outputs`.
    """
    found: dict[tuple[int, int], Any] = {}
    for tensor, value in zip(jax.tree.leaves(graph.inputs), values, strict=True):
        found[id(tensor.node), tensor.index] = value

    def value_of(leaf: Any) -> Any:
        return found[id(leaf.node), leaf.index] if isinstance(leaf, SymbolicTensor) else leaf

    for node in graph.nodes:
        outputs = call(node, [value_of(leaf) for leaf in node.leaves])
        for index, value in enumerate(outputs):
            found.setdefault((id(node), index), value)  # a model's own input may be an inner tensor
    return [value_of(t) for t in jax.tree.leaves(graph.outputs)]


def unique(items: Any) -> list[Any]:
    """Distinct objects by identity, in order of first appearance."""
    seen: dict[int, Any] = {}
    for item in items:
        seen.setdefault(id(item), item)
    return list(seen.values())


def _execution_order(starts: list[SymbolicTensor], ends: list[SymbolicTensor], owner: str) -> tuple[Node, ...]:
    """Depth-first from the outputs, without recursion: deep models are common."""
    given = {(id(t.node), t.index) for t in starts}
    done: dict[int, Node] = {}
    for end in ends:
        stack: list[tuple[SymbolicTensor, bool]] = [(end, False)]
        while stack:
            tensor, ready = stack.pop()
            node = tensor.node
            if id(node) in done or (id(node), tensor.index) in given:
                continue
            if ready:
                done[id(node)] = node
                continue
            if not node.inputs and not isinstance(node.operation, Op):
                raise ValueError(
                    explain(
                        f"The output {end.name!r} of {owner} depends on {tensor.name!r}, "
                        "which is not among the model's inputs.",
                        received=f"inputs {[t.name for t in starts]}",
                        usually="a layer was called on a tensor of another model's graph, or an Input was forgotten.",
                        write=f"fk.Model([..., {tensor.name}], outputs), or call the other model: other(x)",
                    )
                )
            stack.append((tensor, True))
            stack.extend((t, False) for t in reversed(node.inputs))
    return tuple(done.values())


def _keras_order(
    starts: list[SymbolicTensor], ends: list[SymbolicTensor], nodes: tuple[Node, ...], placeholders: list[Any]
) -> tuple[Any, ...]:
    """Keras's order of operations: deepest first (distance to the outputs), then as met from the outputs."""
    met: dict[int, int] = {}
    inside = {id(n) for n in nodes}
    given = {(id(t.node), t.index) for t in starts}
    seen: set[int] = set()
    stack = list(reversed(ends))
    while stack:
        tensor = stack.pop()
        node = tensor.node
        if id(node) not in inside or id(node) in seen or (id(node), tensor.index) in given:
            key = _key(node)
            if (id(node), tensor.index) in given and key not in met:
                met[key] = len(met)
            continue
        seen.add(id(node))
        met.setdefault(_key(node), len(met))
        stack.extend(reversed(node.inputs))
    node_depth: dict[int, int] = {}
    depth: dict[int, int] = {}
    for node in reversed(nodes):
        own = max(node_depth.get(id(node), 0), depth.get(_key(node), 0))
        depth[_key(node)] = node_depth[id(node)] = own
        for tensor in node.inputs:
            node_depth[id(tensor.node)] = max(node_depth.get(id(tensor.node), 0), own + 1)
    for tensor in starts:
        if tensor.node.operation in placeholders:
            key = _key(tensor.node)
            depth[key] = max(depth.get(key, 0), node_depth.get(id(tensor.node), 0))
            met.setdefault(key, -1)
    members = unique([*placeholders, *(n if isinstance(n.operation, Op) else n.operation for n in nodes)])
    return tuple(sorted(members, key=lambda m: (-depth[id(m)], met.get(id(m), -1))))


def _key(node: Node) -> int:
    """Identity of what a node calls: the layer, or the node itself for an op."""
    return id(node) if isinstance(node.operation, Op) else id(node.operation)
