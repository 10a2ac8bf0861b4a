"""Models that take text: what their text layers make of it on the host, and the rest of the model on that.

No compiled program can take text, so a model of text is cut where text becomes numbers: `read_text` runs the layers
that take text, and the model, called on the `TextRead` that it returns in place of its inputs, runs all others. The
layers keep their names, so the variables are the model's own.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax

from .._graph._graph import Graph
from .._graph._op import Op
from .._graph._symbolic import Node, SymbolicTensor
from .._layer._layer import Layer
from .._words._dtypes import is_string
from .._words._errors import explain, explanation_of
from ..typing import Array, PyTree
from ._looking_inside import LooksInside, input_names_of
from ._match_inputs import match


@functools.partial(jax.tree_util.register_dataclass, data_fields=["inputs", "outputs"], meta_fields=[])
@dataclasses.dataclass(frozen=True, eq=False)
class TextRead:
    """A model's inputs, once its text layers have read what is text among them.

    Attributes:
        inputs: the inputs by leaf, `None` for text.
        outputs: for each call that takes text, in the graph's order, what it returned, by leaf; of a model inside the
            model, a `TextRead` of its own.
    """

    inputs: list[Any]
    outputs: list[Any]


def takes_text(model: object) -> bool:
    """Whether a model runs a graph that begins with text.

    >>> import fkeras as fk
    >>> takes_text(fk.Sequential([fk.Input((1,), dtype="string"), fk.nn.Hashing(8)]))
    True
    """
    if not isinstance(model, LooksInside) or model.graph is None or not getattr(type(model).call, "runs_graph", False):
        return False
    return any(is_string(tensor.dtype) for tensor in model.graph.input_tensors)


def text_calls(graph: Graph) -> list[Node]:
    """The calls that take text, in the graph's order; what they return is numbers."""
    return [node for node in graph.nodes if any(is_string(tensor.dtype) for tensor in node.inputs)]


def read_text(model: LooksInside, inputs: PyTree) -> TextRead:
    """What a model's text layers make of its inputs; they run on the host.

    Args:
        model: a model that takes text.
        inputs: its inputs, text among them.

    Returns:
        What the model may be called on in place of the inputs, a pytree of arrays.

    Raises:
        ValueError, TypeError: inputs that do not fit the model.
        ValueError: a text layer that reads, beside the text, what depends on weights.

    >>> import fkeras as fk, numpy as np
    >>> model = fk.Sequential([fk.Input((1,), dtype="string"), fk.nn.StringLookup(vocabulary=["cat"]), fk.nn.Flatten()])
    >>> read = read_text(model, np.array([["cat"], ["dog"]]))
    >>> read.outputs[0][0].tolist(), model.apply({}, read).tolist()
    ([[1], [0]], [[1], [0]])
    """
    graph = model.graph
    assert graph is not None
    values = match(graph.inputs, inputs, input_names_of(graph), model.path_text())
    results = {(id(tensor.node), tensor.index): v for tensor, v in zip(graph.input_tensors, values, strict=True)}

    def arguments(node: Node) -> tuple[tuple[PyTree, ...], dict[str, PyTree]]:
        return node.arguments_with(
            [value_of(leaf) if isinstance(leaf, SymbolicTensor) else leaf for leaf in node.leaves]
        )

    def value_of(tensor: SymbolicTensor) -> Any:
        if (id(tensor.node), tensor.index) not in results:
            keep(tensor.node, jax.tree.leaves(_without_weights(tensor.node, *arguments(tensor.node), model)))
        return results[id(tensor.node), tensor.index]

    def keep(node: Node, leaves: list[Any]) -> None:
        results.update(((id(node), i), leaf) for i, leaf in enumerate(leaves))

    outputs: list[Any] = []
    for node in text_calls(graph):
        args, kwargs = arguments(node)
        if isinstance(node.operation, LooksInside):
            outputs.append(read_text(node.operation, args[0] if args else next(iter(kwargs.values()))))
        else:
            outputs.append(jax.tree.leaves(_without_weights(node, args, kwargs, model)))
            keep(node, outputs[-1])
    return TextRead(
        [None if is_string(t.dtype) else v for t, v in zip(graph.input_tensors, values, strict=True)], outputs
    )


def known_calls(graph: Graph, read: TextRead) -> Mapping[int, Any]:
    """What is known of the calls that take text, by `id(node)`: their outputs, or what a model inside is called on."""
    return dict(zip(map(id, text_calls(graph)), read.outputs, strict=True))


def _without_weights(node: Node, args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree], model: Layer) -> PyTree:
    """Run a call on the host."""
    operation = node.operation
    if isinstance(operation, Op):
        return operation.function(*args, **kwargs)
    try:
        return operation(*args, **kwargs)
    except ValueError as error:
        if not node.variables or explanation_of(error) is None:
            raise
        raise ValueError(
            explain(
                f"A text layer of {model.path_text()} reads what {operation.path_text()} makes, beside the text.",
                received="a layer with weights before a layer of text, which runs on the host",
                usually="a lookup or hash of something that the model computes.",
                write="the text layers on the model's inputs alone",
            )
        ) from None


def first_of_chain(read: TextRead) -> tuple[Array | TextRead, bool]:
    """`(what goes on, whether its first layer is through)` in a model of layers in a row."""
    (first,) = read.outputs
    return (first, False) if isinstance(first, TextRead) else (first[0], True)
