"""A layer's calls on symbolic tensors: each is a node of a graph, which the layer remembers as long as it exists."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, NamedTuple

import jax

from .._graph._symbolic import Node, SymbolicTensor, outputs_of, record
from .._words._dtypes import is_string
from .._words._errors import explain
from .._words._given_instead import variables_in
from ..typing import PyTree, VariablesLike
from ._described_masks import evaluate_with_masks, needs_a_mask
from ._first_layers import check_input_shape
from ._layer_errors import explained
from ._output_shapes import UNTRACEABLE, outputs_as_told
from ._sealing import memory_of
from ._variables import count

if TYPE_CHECKING:
    from ._layer import Layer


class RecordedCall(NamedTuple):
    """One call, held weakly: a graph that nobody keeps goes away though the layer is kept.

    Attributes:
        node: the node of the graph.
        tensors: its outputs.
        treedef: their structure.
    """

    node: weakref.ref[Node]
    tensors: list[weakref.ref[SymbolicTensor]]
    treedef: jax.tree_util.PyTreeDef


def record_call(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> PyTree:
    """Record a call of a layer on symbolic tensors.

    Returns:
        Its symbolic outputs.

    Raises:
        ValueError: a bound layer, or an input that it cannot take.
        TypeError: text, where the layer takes numbers.
    """
    if layer.scope is not None:
        raise ValueError(
            explain(
                f"{layer.path_text()} is bound to variables and was called on a symbolic tensor.",
                usually="fk.Input was used inside `call`; a graph is built outside.",
                write="the layer's computation on the arrays that `call` receives",
            )
        )
    if layer._batch_input_shape is not None:
        check_input_shape(layer, args[0] if args else next(iter(kwargs.values()), None))
    leaves = jax.tree.leaves((args, kwargs))
    with explained(layer, leaves):
        if any(isinstance(leaf, SymbolicTensor) and is_string(leaf.dtype) for leaf in leaves):
            return record(layer, args, kwargs, found=layer._text_outputs(args, kwargs))
        try:
            return record(layer, args, kwargs, layer._abstract_call)
        except Exception as error:  # of a call that cannot be traced, or not without its mask
            told = outputs_as_told(layer, args, kwargs) if isinstance(error, UNTRACEABLE) else None
            if told is not None:
                return record(layer, args, kwargs, found=told)
            if "mask" not in layer._call_parameters.names:
                raise
            evaluate = evaluate_with_masks(layer, args, kwargs)
            if evaluate is not None:
                return record(layer, args, kwargs, evaluate)
            if "mask" in layer._call_parameters.required and kwargs.get("mask") is None:
                raise needs_a_mask(layer) from error
            raise


def no_text(layer: Layer) -> TypeError:
    """The error for text that a layer of numbers is called on."""
    return TypeError(
        explain(
            f"{layer.path_text()} takes numbers, not text.",
            received="a symbolic tensor of dtype string",
            usually="text that was not looked up yet.",
            write="tokens = fk.nn.TextVectorization(vocabulary=[...])(text)",
        )
    )


def remember_call(layer: Layer, call: RecordedCall) -> None:
    """Keep weak references to a recorded call, so that `layer.output` can find it."""
    memory = memory_of(layer)
    calls = memory.calls or []
    if len(calls) & (len(calls) - 1) == 0:  # now and then, so that n calls cost n steps
        calls = [known for known in calls if known.node() is not None]
    calls.append(call)
    memory.calls = calls


def nodes_of(layer: Layer) -> list[Node]:
    """The calls of a layer in graphs that still exist, in order."""
    return [node for call in memory_of(layer).calls or () if (node := call.node()) is not None]


def count_params(layer: Layer, variables: VariablesLike | None) -> int:
    """How many numbers a layer's weights hold: those of its recorded call, or of variables that are given.

    Raises:
        ValueError: there is no call, and no variables are given.
    """
    if variables is not None:
        return count(variables_in(variables))
    nodes = nodes_of(layer)
    if not nodes:
        raise ValueError(
            explain(
                f"{layer.path_text()} does not know its weights yet.",
                usually="it was called in no graph, and its weights follow from its input.",
                write="layer.count_params(layer.init(jax.random.key(0), x))",
            )
        )
    return count(nodes[0].variables)


def the_call(layer: Layer, what: str) -> tuple[Node, list[SymbolicTensor], jax.tree_util.PyTreeDef]:
    """A layer's one recorded call: its node, and its outputs with their structure.

    Raises:
        ValueError: there is none, or more than one.
    """
    calls = [(node, call) for call in memory_of(layer).calls or () if (node := call.node()) is not None]
    if len(calls) != 1:
        state = "was called in no graph that still exists" if not calls else f"was called {len(calls)} times"
        raise ValueError(  # not AttributeError, which Linen's descriptors would hide
            explain(
                f"Layer {layer.name!r} {state}, so it has no one {what}.",
                usually="the layer is shared, or its model is gone." if calls else "the layer was never called.",
                write="the tensor that the call returned: h = layer(x)",
            )
        )
    node, call = calls[0]
    kept = [tensor() for tensor in call.tensors]
    again = outputs_of(node) if any(tensor is None for tensor in kept) else kept  # the call knows one that nobody kept
    tensors = [new if tensor is None else tensor for tensor, new in zip(kept, again, strict=True)]
    return node, tensors, call.treedef  # type: ignore[return-value]
