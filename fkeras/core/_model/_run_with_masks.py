"""Running layers one after another with Keras's masks beside the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax

from .._graph._graph import Graph, replay
from .._graph._op import Op
from .._graph._symbolic import Node
from .._layer._layer import Layer
from .._layer._variables import MASKS
from .._words._errors import explain
from ..typing import Array, PyTree, Shaped

#: Which entries of an array count; `None` where all do.
Mask: TypeAlias = "Shaped[Array, '...'] | None"
#: Masks by `id` of the array that they belong to.
MaskOf: TypeAlias = "dict[int, Shaped[Array, '...']]"


def call_with_masks(
    module: Any, args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree], masks: MaskOf, training: bool | None
) -> PyTree:
    """Call a bound layer, pass it its inputs' masks, and note its outputs' masks.

    Args:
        module: a bound layer.
        args, kwargs: its arguments.
        masks: masks by `id` of the array they belong to; extended with the outputs' masks.
        training: whether the model trains. A model, or a BatchNormalization, that was called with `training=False` when
            the graph was described stays in inference, as Keras's guides say (Keras 3.15 itself forgets it, and its
            moving averages move). Anything else that a call was recorded with is overruled, as in Keras.

    Returns:
        What the layer returns.
    """
    parameters = module._call_parameters
    names = parameters.names
    if "training" in names:
        place = parameters.position("training")
        told = args[place] if place < len(args) else kwargs.get("training")
        if not (told is False and parameters.keeps_mode):
            args = (*args[:place], training, *args[place + 1 :]) if place < len(args) else args
            kwargs = kwargs if place < len(args) else {**kwargs, "training": training}
    first = args[0] if args else next(iter(kwargs.values()), None)
    if masks:
        kwargs = {**kwargs, **_mask_arguments(names, args, kwargs, masks)}
    mask = kwargs.get("mask")
    if mask is None and masks:
        mask = _masks_of(first, masks)
    outputs = module(*args, **kwargs)
    computed = module.compute_mask(first, mask)
    if computed is not None:
        listed = computed if isinstance(computed, list | tuple) else [computed]  # one mask is the first output's
        for leaf, of_leaf in zip(jax.tree.leaves(outputs), listed, strict=False):
            if of_leaf is not None:
                masks[id(leaf)] = of_leaf
    return outputs


def _mask_arguments(
    names: list[str], args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree], masks: MaskOf
) -> dict[str, PyTree]:
    """The mask arguments of a call, by Keras's rule.

    A call with one argument of arrays is given its mask as `mask`; one with several, as `query_mask` and `value_mask`,
    those that it has. So an LSTM that is given an `initial_state` gets no mask unless the caller passes it.
    """
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    arrays = {name: value for name, value in given.items() if _is_arrays(value)}
    wanted = [("mask" if len(arrays) == 1 else f"{name}_mask", value) for name, value in arrays.items()]
    found = {name: _masks_of(value, masks) for name, value in wanted if name in names and given.get(name) is None}
    return {name: mask for name, mask in found.items() if mask is not None}


def _is_arrays(value: PyTree) -> bool:
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(hasattr(leaf, "dtype") and hasattr(leaf, "shape") for leaf in leaves)


def _masks_of(value: PyTree, masks: MaskOf) -> PyTree:
    """The masks of the arrays in `value`, in its structure; `None` when none has one."""
    found = jax.tree.map(lambda leaf: masks.get(id(leaf)), value)
    return found if jax.tree.leaves(found) else None


def run_graph(
    owner: Any, graph: Graph, values: list[Array], given_masks: PyTree, training: bool | None,
    known: Mapping[int, Any],
) -> tuple[PyTree, list[Mask]]:  # fmt: skip
    """Run a graph inside its bound owner: each layer one submodule under its own name.

    Args:
        owner: the bound model.
        graph: its graph.
        values: the inputs, by leaf.
        given_masks: their masks, with `None` for an input without one.
        training: whether the model trains.
        known: by `id(node)` the outputs of calls that were made before, or what a model that is called takes.

    Returns:
        The outputs in the graph's structure, and their masks, a list by leaf.
    """
    modules: dict[int, Layer] = {}
    masks = _given_masks(owner, values, given_masks)
    kept: list[Array] = list(values)  # masks are found by id: keep every value alive while the graph runs

    def call(node: Node, leaves: list[Any]) -> list[Array]:
        found = known.get(id(node))
        if isinstance(found, list):
            kept.extend(found)
            return found
        args, kwargs = node.arguments_with(leaves) if found is None else ((found,), {})
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
    return graph.in_structure_of_outputs(results), [masks.get(id(result)) for result in results]


def _given_masks(owner: Layer, values: list[Array], given_masks: PyTree) -> MaskOf:
    """The masks that a model was called with."""
    given = [] if given_masks is None else jax.tree.leaves(given_masks, is_leaf=lambda mask: mask is None)
    if given and len(given) != len(values):
        raise ValueError(
            explain(
                f"{owner.path_text()} takes a mask for each of its inputs.",
                received=f"{len(given)} masks, {len(values)} inputs",
                usually="one mask for all inputs, or lists in place of arrays.",
                write="mask=[mask, None], with None for an input without one",
            )
        )
    return {id(value): mask for value, mask in zip(values, given, strict=False) if mask is not None}


def sow_masks(owner: Layer, masks: list[Mask]) -> None:
    """Leave the outputs' masks where the Trainer looks for them: the collection `masks` of the outermost model."""
    if not owner.path and owner.is_mutable_collection(MASKS) and any(mask is not None for mask in masks):
        for i, mask in enumerate(masks):
            if mask is not None:
                owner.put_variable(MASKS, f"output_{i}", mask)
