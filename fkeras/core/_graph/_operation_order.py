"""In which order the calls of a graph run, and in which order Keras lists their operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from .._words._errors import explain
from ._op import Op
from ._symbolic import Node, SymbolicTensor

T = TypeVar("T")


def key_of(node: Node) -> int:
    """Identity of what a node calls: the layer, or the node itself for an op."""
    return id(node) if isinstance(node.operation, Op) else id(node.operation)


def unique(items: Iterable[T]) -> list[T]:
    """Distinct objects by identity, in order of first appearance."""
    return list({id(item): item for item in items}.values())


def execution_order(starts: Sequence[SymbolicTensor], ends: Sequence[SymbolicTensor], owner: str) -> tuple[Node, ...]:
    """The calls between two sets of tensors, each after those that it depends on.

    Depth-first from the outputs, without recursion: deep models are common.

    Raises:
        ValueError: an output depends on an input that is not among `starts`.
    """
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


def keras_order(
    starts: Sequence[SymbolicTensor],
    ends: Sequence[SymbolicTensor],
    nodes: tuple[Node, ...],
    placeholders: Sequence[object],
) -> tuple[object, ...]:
    """Keras's order of operations: deepest first (distance to the outputs), then as met from the outputs.

    Args:
        starts, ends: the graph's inputs and outputs.
        nodes: its calls, in execution order.
        placeholders: the layers behind those inputs that are inputs of no other graph.

    Returns:
        The placeholders, the layers, and the nodes of ops.
    """
    met = _first_met(starts, ends, {id(node) for node in nodes})
    node_depth: dict[int, int] = {}
    depth: dict[int, int] = {}
    for node in reversed(nodes):
        own = max(node_depth.get(id(node), 0), depth.get(key_of(node), 0))
        depth[key_of(node)] = node_depth[id(node)] = own
        for tensor in node.inputs:
            node_depth[id(tensor.node)] = max(node_depth.get(id(tensor.node), 0), own + 1)
    for tensor in starts:
        if tensor.node.operation in placeholders:
            key = key_of(tensor.node)
            depth[key] = max(depth.get(key, 0), node_depth.get(id(tensor.node), 0))
            met.setdefault(key, -1)
    members = unique([*placeholders, *(n if isinstance(n.operation, Op) else n.operation for n in nodes)])
    return tuple(sorted(members, key=lambda member: (-depth[id(member)], met.get(id(member), -1))))


def _first_met(starts: Sequence[SymbolicTensor], ends: Sequence[SymbolicTensor], inside: set[int]) -> dict[int, int]:
    """How many operations a walk from the outputs meets before each, by `key_of`."""
    met: dict[int, int] = {}
    given = {(id(t.node), t.index) for t in starts}
    seen: set[int] = set()
    stack = list(reversed(ends))
    while stack:
        tensor = stack.pop()
        node = tensor.node
        if id(node) not in inside or id(node) in seen or (id(node), tensor.index) in given:
            key = key_of(node)
            if (id(node), tensor.index) in given and key not in met:
                met[key] = len(met)
            continue
        seen.add(id(node))
        met.setdefault(key_of(node), len(met))
        stack.extend(reversed(node.inputs))
    return met
