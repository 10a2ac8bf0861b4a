"""The calls of a model's graph by what is one box in its picture: a layer, however often it is called, or an op.

A layer that is called twice is one box, as in Keras. Where that would make lines run in a circle, such as in
`dense(relu(dense(x)))`, each of its calls is a box.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

from ..core import Graph, Op

#: What one box is made of.
Key: TypeAlias = tuple[str, Any]
# A recorded call: `operation`, `inputs`, `outputs`.
Node: TypeAlias = Any


@dataclasses.dataclass(frozen=True)
class Called:
    """What is one box.

    Attributes:
        operation: the layer or the op.
        name: its name in the graph.
        nodes: its calls; none for an input.
        tensor: the tensor of an input.
        call: which of its layer's calls it is, and of how many; `None` where the box is all of them.
        fed_by: where each argument of each call comes from: `(index of a Called, which output, which argument)`.
    """

    operation: Any
    name: str
    nodes: tuple[Node, ...]
    tensor: Any = None
    call: tuple[int, int] | None = None
    fed_by: tuple[tuple[int, int, int], ...] = ()


def calls_of(graph: Graph) -> tuple[list[Called], list[tuple[int, int]]]:
    """What a graph calls, each after what feeds it; and for each of the graph's outputs, whose it is and which."""
    inputs = {(id(tensor.node), tensor.index): tensor for tensor in graph.input_tensors}
    keys = _merged(graph, inputs)
    members: dict[Key, list[Node]] = {}
    for node in graph.nodes:
        members.setdefault(keys[id(node)], []).append(node)

    def source(tensor: Any) -> tuple[Key, int]:
        place = (id(tensor.node), tensor.index)
        return (("input", place), 0) if place in inputs else (keys[id(tensor.node)], tensor.index)

    feeds = {key: [source(t)[0] for node in nodes for t in node.inputs] for key, nodes in members.items()}
    order = [*(("input", place) for place in inputs), *_sorted(list(members), feeds)]
    number = {key: i for i, key in enumerate(order)}
    found = []
    for key in order:
        if key[0] == "input":
            tensor = inputs[key[1]]
            found.append(Called(tensor.node.operation, graph.tensor_name(tensor), (), tensor))
            continue
        nodes = members[key]
        fed = [(*source(t), i) for node in nodes for i, t in enumerate(node.inputs)]
        all_calls = graph.calls_of_index[_key_of(nodes[0])]
        at = all_calls.index(nodes[0]) if len(nodes) < len(all_calls) else None
        found.append(
            Called(
                nodes[0].operation,
                graph.name_of(nodes[0]),
                tuple(nodes),
                call=None if at is None else (at + 1, len(all_calls)),
                fed_by=tuple((number[k], out, i) for k, out, i in fed),
            )
        )
    ends = [source(tensor) for tensor in graph.output_tensors]
    return found, [(number[key], out) for key, out in ends]


def _key_of(node: Node) -> int:
    return id(node) if isinstance(node.operation, Op) else id(node.operation)


def _merged(graph: Graph, inputs: dict[tuple[int, int], Any]) -> dict[int, Key]:
    """The key of each call: that of its layer, where no line runs in a circle then, else its own."""
    keys: dict[int, Key] = {id(node): ("call", id(node)) for node in graph.nodes}
    for nodes in graph.calls_of_index.values():
        if len(nodes) < 2:
            continue
        merged = {**keys, **{id(node): ("layer", id(nodes[0])) for node in nodes}}
        if _is_acyclic(graph, inputs, merged):
            keys = merged
    return keys


def _is_acyclic(graph: Graph, inputs: dict[tuple[int, int], Any], keys: dict[int, Key]) -> bool:
    feeds: dict[Key, list[Key]] = {}
    for node in graph.nodes:
        fed = [keys[id(t.node)] for t in node.inputs if (id(t.node), t.index) not in inputs]
        feeds.setdefault(keys[id(node)], []).extend(fed)
    return len(_sorted(list(feeds), feeds)) == len(feeds)


def _sorted(keys: Sequence[Key], feeds: dict[Key, list[Key]]) -> list[Key]:
    """The keys, each after those that feed it, else in the order they have; without those that a circle feeds."""
    waiting = {key: len({k for k in feeds[key] if k in feeds}) for key in keys}
    after: dict[Key, list[Key]] = {key: [] for key in keys}
    for key in keys:
        for other in dict.fromkeys(k for k in feeds[key] if k in feeds):
            after[other].append(key)
    ready = [key for key in keys if not waiting[key]]
    found = []
    while ready:
        key = ready.pop()
        found.append(key)
        freed = []
        for other in after[key]:
            waiting[other] -= 1
            if not waiting[other]:
                freed.append(other)
        ready.extend(reversed(freed))
    return found
