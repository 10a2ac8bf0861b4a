"""A layer traced without data: its variables, and what each layer that ran says of its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import jax
import numpy as np
from flax import linen

from .._graph._dimensions import Dimension
from .._graph._inferred import Inferred, struct_of
from .._graph._shape_inference import infer
from .._graph._symbolic import SymbolicTensor, has_symbolic
from ..typing import Key, PyTree
from ._axis_names import names_of_weights
from ._bound_call import Run
from ._bound_sublayers import Inside, Path, parts_of
from ._call_state import Constraint
from ._layer_class import LayerClass
from ._layer_errors import explained
from ._linen_modules import MethodContext
from ._stacked_weights import constraints_of
from ._variables import TRANSIENT

if TYPE_CHECKING:
    from ._layer import Layer


@dataclasses.dataclass(frozen=True)
class WeightFacts:
    """What a layer says of itself when it runs.

    Attributes:
        trainable: whether its weights train.
        constraints: each weight's constraint (or `None`) by the weight's name.
        output_shapes: the shapes of its output's leaves.
        unfrozen: whether they train though a layer around it does not.
        inside: the layers in it by attribute, those that `build` and `setup` made too: see `Part`.
    """

    trainable: bool
    constraints: dict[str, Constraint | None]
    output_shapes: tuple[tuple[Dimension, ...], ...] = ()
    unfrozen: bool = False
    inside: Mapping[str, Inside] = dataclasses.field(default_factory=dict)


def abstract_call(
    layer: Layer,
    key: Key,
    args: tuple[PyTree, ...],
    kwargs: Mapping[str, PyTree],
    facts: dict[Path, WeightFacts] | None = None,
) -> tuple[PyTree, dict[str, PyTree]]:
    """`(outputs, variables)` by Linen's own init; for tracing only.

    Args:
        layer: the layer that is called.
        key: of its weights.
        args, kwargs: the call's arguments, traced.
        facts: is filled with what the layers that ran say of their weights, by path.

    Returns:
        What the call returns, and the variables that it made.
    """

    def note(run: Run, arguments: tuple[PyTree, ...], keywords: dict[str, PyTree], context: MethodContext) -> PyTree:
        result = run(*arguments, **keywords)
        if context.method_name == "__call__" and isinstance(context.module, LayerClass) and facts is not None:
            ran: Any = context.module
            if ran._weight_axes is not None:
                names_of_weights(ran)  # an error where they are of no weight
            facts[ran.path] = WeightFacts(
                ran.trainable,
                constraints_of(ran),
                tuple(tuple(leaf.shape) for leaf in jax.tree.leaves(result) if hasattr(leaf, "shape")),
                ran._unfrozen,
                parts_of(ran),
            )
        return result

    rngs = {"params": key, "dropout": key}
    with linen.intercept_methods(note):
        outputs, variables = layer.init_with_output(rngs, *args, mutable=linen.DenyList(TRANSIENT), **kwargs)
    return outputs, dict(linen.meta.unbox(variables))  # names of axes are read by `inferred_names`


def abstract_init(layer: Layer, key: Key, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> dict[str, PyTree]:
    """A layer's variables, without running its forward pass: see `Layer.init`."""
    arrays = [leaf for leaf in _structs_for_symbolic(jax.tree.leaves((args, kwargs))) if _is_array(leaf)]
    return dict(inferred_call(layer, args, kwargs).program(key, arrays))


def inferred_call(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> Inferred:
    """What a call of a layer returns, and the program of its variables, from the shapes of the arguments.

    Args:
        layer: a layer that is not bound.
        args, kwargs: the call's arguments: arrays, structs or symbolic tensors.
    """
    leaves, treedef = jax.tree.flatten((args, kwargs))
    leaves = _structs_for_symbolic(leaves)
    places = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]

    def function(key: Key, arrays: list[jax.Array]) -> tuple[PyTree, dict[str, PyTree]]:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        a, k = jax.tree.unflatten(treedef, filled)
        return layer._abstract_call(key, a, k)

    with explained(layer, leaves):
        return infer(function, [struct_of(leaves[i]) for i in places])


def inferred_names(
    module: linen.Module, args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree]
) -> dict[str, tuple[str | tuple[str, ...] | None, ...]]:
    """The names that layers, and Linen's boxes, give the axes of a module's variables, by path; for tracing only.

    Args:
        module: a layer, a model or any Linen module that is not bound.
        args: the call's inputs: arrays or structs, whose dimensions may be symbolic.
        kwargs: the call's keyword arguments that are no arrays.

    Returns:
        `{"params/dense/kernel": ("embed", "mlp")}`, for the weights that have names.
    """
    leaves, treedef = jax.tree.flatten(args)
    found: dict[str, tuple[str | tuple[str, ...] | None, ...]] = {}

    def is_box(leaf: object) -> bool:
        return isinstance(leaf, linen.Partitioned)

    def note(run: Run, arguments: tuple[PyTree, ...], keywords: dict[str, PyTree], context: MethodContext) -> PyTree:
        result = run(*arguments, **keywords)
        if context.method_name == "__call__" and isinstance(context.module, LayerClass):
            found.update(names_of_weights(cast(Any, context.module)))
        return result

    def function(key: Key, arrays: list[jax.Array]) -> tuple[PyTree, dict[str, PyTree]]:
        rngs = {"params": key, "dropout": key}
        given = jax.tree.unflatten(treedef, arrays)
        with linen.intercept_methods(note):
            outputs, variables = module.init_with_output(rngs, *given, mutable=linen.DenyList(TRANSIENT), **kwargs)
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables, is_leaf=is_box):
            if is_box(leaf):
                found[jax.tree_util.keystr(path, simple=True, separator="/")] = tuple(leaf.names)
        return outputs, dict(linen.meta.unbox(variables))

    infer(function, [struct_of(leaf) for leaf in leaves])
    return found


def _structs_for_symbolic(leaves: list[PyTree]) -> list[PyTree]:
    if not has_symbolic(leaves):
        return leaves
    return [leaf.struct if isinstance(leaf, SymbolicTensor) else leaf for leaf in leaves]


def _is_array(leaf: object) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)
