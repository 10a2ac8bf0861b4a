"""Masks while a graph is described: which tensors will have one, for layers that cannot be traced without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .._graph._inferred import struct_of
from .._graph._shape_inference import infer
from .._graph._symbolic import Evaluate, Facts, Node, SymbolicTensor, history
from .._words._errors import explain
from ..typing import Key, PyTree, Variables
from ._linen_modules import is_layer

if TYPE_CHECKING:
    from ._layer import Layer

#: The masks of a graph's tensors by node and output.
Masks = dict[tuple[int, int], jax.ShapeDtypeStruct]


def evaluate_with_masks(layer: Layer, args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree]) -> Evaluate | None:
    """A layer's call, for tracing, in which it is given the masks that the graph will pass it.

    Args:
        layer: the layer, whose `call` takes a `mask`.
        args, kwargs: what it is called with.

    Returns:
        What `record` takes; `None` where the layer takes no mask, was given one, or its inputs will have none.
    """
    if "mask" not in layer._call_parameters.names or kwargs.get("mask") is not None:
        return None
    leaves = jax.tree.leaves(args[0] if args else next(iter(kwargs.values()), None))
    masks = _masks_of([leaf.node for leaf in leaves if isinstance(leaf, SymbolicTensor)])
    found = [masks.get((id(x.node), x.index)) if isinstance(x, SymbolicTensor) else None for x in leaves]
    ranks = [None if mask is None else len(mask.shape) for mask in found]
    if not any(ranks):
        return None

    def evaluate(
        key: Key, args: tuple[PyTree, ...], kwargs: dict[str, PyTree], facts: Facts
    ) -> tuple[PyTree, Variables]:
        first, treedef = jax.tree.flatten(args[0] if args else next(iter(kwargs.values())))
        made = [None if n is None else jnp.ones(x.shape[:n], bool) for x, n in zip(first, ranks, strict=True)]
        return layer._abstract_call(key, args, {**kwargs, "mask": jax.tree.unflatten(treedef, made)}, facts)

    return evaluate


def _masks_of(ends: list[Node]) -> Masks:
    """The masks of all tensors that some calls depend on, and of their own."""
    masks: Masks = {}
    for node in history(ends):
        layer: Any = node.operation
        if not is_layer(layer):  # an operation hands no mask on
            continue
        args, kwargs = node.arguments
        first = args[0] if args else next(iter(kwargs.values()), None)
        given = jax.tree.map(
            lambda leaf: masks.get((id(leaf.node), leaf.index)) if isinstance(leaf, SymbolicTensor) else None, first
        )
        computed = _computed_mask(layer, first, given)
        listed = computed if isinstance(computed, list | tuple) else [computed]
        for index, mask in enumerate(listed):
            if mask is not None:
                masks[id(node), index] = mask
    return masks


def _computed_mask(layer: Layer, inputs: PyTree, mask: PyTree) -> PyTree:
    """What `compute_mask` returns, as structs."""
    leaves, treedef = jax.tree.flatten((inputs, mask))
    structs = [struct_of(leaf.struct if isinstance(leaf, SymbolicTensor) else leaf) for leaf in leaves]

    def function(key: Key, arrays: list[jax.Array]) -> tuple[PyTree, Variables]:
        inputs, mask = jax.tree.unflatten(treedef, arrays)
        return layer.compute_mask(inputs, mask if jax.tree.leaves(mask) else None), {}

    try:
        return infer(function, structs).outputs
    except Exception:  # a mask of text, or one that needs values: whatever a method of one's own raises for these
        return None


def needs_a_mask(layer: Layer) -> ValueError:
    """The error for a layer whose `call` cannot do without a mask that nothing before it makes."""
    return ValueError(
        explain(
            f"{layer.path_text()} cannot be called without a mask, and no layer before it makes one.",
            received=f"call({', '.join(['self', *layer._call_parameters.names])})",
            usually="a `mask` without a default, and an input that is not padded.",
            write="fk.nn.Masking() or fk.nn.Embedding(..., mask_zero=True) before it; or `mask=None` in call",
        ).complete()
    )
