"""Activations by the names that public configs have for them."""

from __future__ import annotations

from collections.abc import Callable

import jax

from ... import ops
from ...core import Model, Op, SymbolicTensor

#: How an activation is called: the name in `fk.ops`, and its further arguments.
CALLS: dict[str, tuple[str, dict[str, bool]]] = {
    "gelu": ("gelu", {"approximate": False}),
    "gelu_python": ("gelu", {"approximate": False}),
    "gelu_new": ("gelu", {"approximate": True}),
    "gelu_pytorch_tanh": ("gelu", {"approximate": True}),
    "gelu_fast": ("gelu", {"approximate": True}),
    "relu": ("relu", {}),
    "silu": ("silu", {}),
    "swish": ("silu", {}),
    "tanh": ("tanh", {}),
}


def _of(name: str) -> Callable[[SymbolicTensor], SymbolicTensor]:
    op, arguments = CALLS[name]
    return lambda x: getattr(ops, op)(x, **arguments)


#: An activation of a graph by its public name.
ACTIVATIONS = {name: _of(name) for name in CALLS}


def activation_in(model: Model, preferred: str) -> str:
    """The public name of the activation that a model's graph has; of several names of one, the preferred if it is one.

    Raises:
        LookupError: it has none, or several.
    """
    assert model.graph is not None
    found = set()
    for node in model.graph.nodes:
        if isinstance(node.operation, Op) and node.operation.name in {op for op, _ in CALLS.values()}:
            _, arguments = jax.tree.unflatten(node.treedef, node.leaves)
            found.add((node.operation.name, tuple(arguments.items())))
    names = [name for name, (op, arguments) in CALLS.items() if found == {(op, tuple(arguments.items()))}]
    if not names:
        raise LookupError("an activation")
    return preferred if preferred in names else names[0]
