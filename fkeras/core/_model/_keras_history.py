"""How a config names a symbolic tensor: by the layer that made it, which of its calls, and which output of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from .._graph._graph import Graph
from .._graph._symbolic import SymbolicTensor
from .._layer._layer import Layer
from .._words._config import address_of
from .._words._errors import explain
from .._words._naming import free_name
from ..typing import JSON, PyTree
from ._input import InputLayer

T = TypeVar("T")

#: The class name of a tensor's record among the arguments of a call.
TENSOR = "__keras_tensor__"

#: The layer's name, the number of the call, the number of the output.
History: TypeAlias = tuple[str, int, int]


def is_functional(layer: object) -> bool:
    """Whether a layer is what Keras calls a Functional: a `Model` of a graph, and no subclass of it."""
    return isinstance(layer, Layer) and layer.graph is not None and address_of(type(layer)) == ("keras", "Model")


def own_calls(operation: object) -> int:
    """A functional model counts the link between its own ends as its first call, in the ends of a model around it."""
    return int(is_functional(operation))


class Histories:
    """What the tensors of a graph are called in its config.

    Attributes:
        added: the inputs that are inner tensors of another graph, each with the name of an input layer in its place.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.added: list[tuple[SymbolicTensor, str]] = []
        self._inputs: dict[tuple[int, int], str] = {}
        self._calls = {id(node): i for calls in graph.calls_of_index.values() for i, node in enumerate(calls)}
        taken = {layer.name for layer in graph.layers}
        for tensor in graph.input_tensors:
            if isinstance(tensor.node.operation, InputLayer):
                name = str(tensor.node.operation.name)
            else:
                name = free_name("input_layer", taken)
                taken.add(name)
                self.added.append((tensor, name))
            self._inputs[id(tensor.node), tensor.index] = name

    def of(self, tensor: SymbolicTensor) -> History:
        """What a tensor is called among the arguments of a call."""
        name = self._inputs.get((id(tensor.node), tensor.index))
        if name is not None:
            return name, 0, 0
        return self.graph.name_of(tensor.node), self._calls[id(tensor.node)], tensor.index

    def of_end(self, tensor: SymbolicTensor) -> History:
        """What a tensor is called among the ends of the model."""
        name, call, output = self.of(tensor)
        return name, call + own_calls(tensor.node.operation), output


def history_of(record: Mapping[str, JSON]) -> History:
    """What a tensor's record in a config calls it.

    Raises:
        ValueError: a record that names no tensor.
    """
    config = record.get("config")
    history = config.get("keras_history") if isinstance(config, Mapping) else None
    if isinstance(history, list | tuple) and len(history) == 3:
        name, call, output = history
        if isinstance(name, str) and type(call) is int and type(output) is int and output >= 0:
            return name, call, output
    raise ValueError(
        explain(
            "A tensor's keras_history is the name of a layer, which of its calls, and which output of that.",
            received=repr(history)[:80],
            usually="the file is damaged or was edited.",
            write='"keras_history": ["dense", 0, 0]',
        )
    )


def histories_in(tree: JSON) -> list[History]:
    """The tensors that the arguments of a call name."""
    if isinstance(tree, Mapping):
        if tree.get("class_name") == TENSOR:
            return [history_of(tree)]
        return [history for value in tree.values() for history in histories_in(value)]
    return [history for value in tree for history in histories_in(value)] if isinstance(tree, list) else []


def map_ends(tree: JSON, find: Callable[[History], T]) -> PyTree:
    """`["name", 0, 0]`, or lists and dicts of those, with what `find` says in place of each.

    Raises:
        ValueError: something else in it.
    """
    if isinstance(tree, Mapping):
        return {key: map_ends(value, find) for key, value in tree.items()}
    if not isinstance(tree, list | tuple):
        raise ValueError(
            explain("A model's ends are tensors.", received=repr(tree)[:80], write='["dense", 0, 0], or lists of those')
        )
    if len(tree) == 3 and isinstance(tree[0], str) and type(tree[1]) is int and type(tree[2]) is int:
        return find((tree[0], tree[1], tree[2]))
    return [map_ends(value, find) for value in tree]


def in_lists(tree: PyTree) -> PyTree:
    """Tuples as lists, all the way down: JSON has no tuples."""
    if isinstance(tree, list | tuple):
        return [in_lists(value) for value in tree]
    return {key: in_lists(value) for key, value in tree.items()} if isinstance(tree, Mapping) else tree
