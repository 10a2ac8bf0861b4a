"""Which activation follows a layer of a model, where the model has several."""

from __future__ import annotations

import jax

from ...core import Model, Op
from ._activations import CALLS


def activation_after(model: Model, layer: str, preferred: str) -> str:
    """The public name of the activation that a graph has behind a layer; of several names of one, the preferred.

    Args:
        model: the model.
        layer: the layer's name.
        preferred: the name to give it, if it is one of its names.

    Returns:
        The name.

    Raises:
        LookupError: what follows the layer is no activation that public configs name.
    """
    assert model.graph is not None
    made = {id(node) for node in model.graph.calls_of_index[id(model.get_layer(layer))]}
    after = [n for n in model.graph.nodes if any(id(getattr(leaf, "node", None)) in made for leaf in n.leaves)]
    for node in after:
        if isinstance(node.operation, Op):
            _, arguments = jax.tree.unflatten(node.treedef, node.leaves)
            call = (node.operation.name, arguments)
            names = [name for name, known in CALLS.items() if known == call]
            if names:
                return preferred if preferred in names else names[0]
    raise LookupError(f"an activation behind {layer!r}")
