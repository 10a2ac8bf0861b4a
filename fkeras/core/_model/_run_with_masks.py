"""Running layers one after another with Keras's masks beside the values."""

from __future__ import annotations

from typing import Any

import jax

from .._graph._graph import Graph, replay
from .._graph._symbolic import Node, Op
from .._layer._layer import Layer
from .._layer._variables import MASKS
from .._words._errors import explain


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
    if masks:
        kwargs = {**kwargs, **_masks_of(names, args, kwargs, masks)}
    mask = kwargs.get("mask")
    if mask is None and masks:
        mask = _map_masks(first, masks)
    outputs = module(*args, **kwargs)
    made = module.compute_mask(first, mask)
    if made is not None:
        leaves = jax.tree.leaves(outputs)
        given = made if isinstance(made, list | tuple) else [made]  # one mask is the first output's
        for leaf, one in zip(leaves, given, strict=False):
            if one is not None:
                masks[id(leaf)] = one
    return outputs


def _masks_of(names: list[str], args: Any, kwargs: Any, masks: dict[int, Any]) -> dict[str, Any]:
    """The mask arguments of a call, by Keras's rule.

    A call with one argument of arrays is given its mask as `mask`; one with several, as `query_mask` and `value_mask`,
    those that it has. So an LSTM that is given an `initial_state` gets no mask unless the caller passes it.
    """
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    arrays = {n: v for n, v in given.items() if _is_arrays(v)}
    wanted = [("mask" if len(arrays) == 1 else f"{n}_mask", v) for n, v in arrays.items()]
    found = {n: _map_masks(v, masks) for n, v in wanted if n in names and given.get(n) is None}
    return {n: mask for n, mask in found.items() if mask is not None}


def _is_arrays(value: Any) -> bool:
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(hasattr(leaf, "dtype") and hasattr(leaf, "shape") for leaf in leaves)


def _map_masks(value: Any, masks: dict[int, Any]) -> Any:
    """The masks of the arrays in `value`, in its structure; `None` when none has one."""
    found = jax.tree.map(lambda leaf: masks.get(id(leaf)), value)
    return found if jax.tree.leaves(found) else None


def run_graph(owner: Any, graph: Graph, values: list[Any], given_masks: Any, training: Any) -> tuple[Any, Any]:
    """Run a graph inside its bound owner: each layer one submodule under its own name.

    Returns:
        The outputs in the graph's structure, and their masks, a list by leaf.
    """
    modules: dict[int, Layer] = {}
    masks: dict[int, Any] = {}
    kept: list[Any] = list(values)  # masks are found by id: keep every value alive while the graph runs
    given = [] if given_masks is None else jax.tree.leaves(given_masks, is_leaf=lambda m: m is None)
    if given and len(given) != len(values):
        raise ValueError(
            explain(
                f"{owner.path_text()} takes a mask for each of its inputs.",
                received=f"{len(given)} masks, {len(values)} inputs",
                usually="one mask for all inputs, or lists in place of arrays.",
                write="mask=[mask, None], with None for an input without one",
            )
        )
    for value, mask in zip(values, given, strict=False):
        if mask is not None:
            masks[id(value)] = mask

    def call(node: Node, leaves: list[Any]) -> list[Any]:
        args, kwargs = jax.tree.unflatten(node.treedef, leaves)
        if isinstance(node.operation, Op):
            outputs = owner.operate(graph.name_of(node), node.operation.function, args, kwargs)
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
