"""Running layers one after another with Keras's masks beside the values."""

from __future__ import annotations

from typing import Any

import jax

from ._graph import Graph, replay
from ._layer import Layer
from ._symbolic import Node, Op
from ._weights import MASKS


def call_with_masks(module: Layer, args: Any, kwargs: Any, masks: dict[int, Any], training: Any) -> Any:
    """Call a bound layer, pass it its inputs' masks, and note its outputs' masks.

    Args:
        module: a bound layer.
        args, kwargs: its arguments.
        masks: masks by `id` of the array they belong to; extended with the outputs' masks.
        training: whether the model trains; as in Keras it overrules what a call in the graph was recorded with, so
            a part that stays in inference is frozen (`trainable=False`), not called with `training=False`.
    """
    parameters = module._call_parameters
    names = parameters.names
    if "training" in names:
        place = parameters.position("training")
        args = (*args[:place], training, *args[place + 1 :]) if place < len(args) else args
        kwargs = kwargs if place < len(args) else {**kwargs, "training": training}
    first = args[0] if args else next(iter(kwargs.values()), None)
    mask = None
    if masks:
        mask = jax.tree.map(lambda leaf: masks.get(id(leaf)), first)
        mask = None if not jax.tree.leaves(mask) else mask
        if mask is not None and "mask" in names and kwargs.get("mask") is None:
            kwargs = {**kwargs, "mask": mask}
        for name, value in {**dict(zip(names, args, strict=False)), **kwargs}.items():
            own = f"{name}_mask"  # MultiHeadAttention's query_mask, value_mask, key_mask
            if own in names and kwargs.get(own) is None and masks.get(id(value)) is not None:
                kwargs = {**kwargs, own: masks[id(value)]}
    outputs = module(*args, **kwargs)
    made = module.compute_mask(first, mask)
    if made is not None:
        leaves = jax.tree.leaves(outputs)
        given = made if isinstance(made, list | tuple) else [made] * (len(leaves) == 1)
        for leaf, one in zip(leaves, given, strict=False):
            if one is not None:
                masks[id(leaf)] = one
    return outputs


def run_graph(owner: Layer, graph: Graph, values: list[Any], given_masks: Any, training: Any) -> tuple[Any, Any]:
    """Run a graph inside its bound owner: each layer one submodule under its own name.

    Returns:
        The outputs in the graph's structure, and their masks, a list by leaf.
    """
    modules: dict[int, Layer] = {}
    masks: dict[int, Any] = {}
    kept: list[Any] = list(values)  # masks are found by id: keep every value alive while the graph runs
    for value, mask in zip(values, jax.tree.leaves(given_masks, is_leaf=lambda m: m is None), strict=False):
        if mask is not None:
            masks[id(value)] = mask

    def call(node: Node, leaves: list[Any]) -> list[Any]:
        args, kwargs = jax.tree.unflatten(node.treedef, leaves)
        if isinstance(node.operation, Op):
            outputs = node.operation.function(*args, **kwargs)
        else:
            layer = node.operation
            if id(layer) not in modules:
                modules[id(layer)] = layer.clone(parent=owner, name=layer.name)
            outputs = call_with_masks(modules[id(layer)], args, kwargs, masks, training)
        flat = jax.tree.leaves(outputs)
        kept.extend(flat)
        return flat

    results = replay(graph, values, call)
    found = [masks.get(id(r)) for r in results]
    return jax.tree.unflatten(jax.tree.structure(graph.outputs), results), found


def sow_masks(owner: Layer, masks: list[Any]) -> None:
    """Leave the outputs' masks where the Trainer looks for them: the collection `masks` of the outermost model."""
    if not owner.path and owner.is_mutable_collection(MASKS) and any(m is not None for m in masks):
        for i, mask in enumerate(masks):
            if mask is not None:
                owner.put_variable(MASKS, f"output_{i}", mask)
