"""A model's weights as a list, in Keras's order: the order in which they go from one model to another."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ..core import (
    TRANSIENT,
    Layer,
    Model,
    SymbolicTensor,
    check_collections,
    compare_arrays,
    explain,
    named_leaves,
    path_name,
    spec_of,
    variables_in,
)
from ..core.typing import Array, ArrayLike, PyTree, Variables, VariablesLike
from ._keras._layout import weight_order
from ._keras._written_out import restacked, unstacked, written_out

# So many weights of a list that does not fit are shown.
_SHOWN = 8


def get_weights(layer: Layer, variables: VariablesLike, *args: PyTree) -> list[np.ndarray]:
    """The weights of a layer or model as numpy arrays, in the order of Keras's `get_weights()`.

    Args:
        layer: the layer or model.
        variables: its variables.
        *args: an example input, where the order in which the weights are made is not known yet: for a subclassed model,
            or a layer that was called on no `Input`.

    Returns:
        The arrays, those that do not train among them; `layer.set_weights` takes them, and so does Keras's.

    Raises:
        ValueError: variables that are not the layer's, or an example is needed.
    """
    named = named_leaves(unstacked(layer, _own(layer, variables, args)))
    return [np.asarray(named[name]) for name in _order(layer, variables, args)]


def set_weights(layer: Layer, variables: VariablesLike, weights: Sequence[ArrayLike], *args: PyTree) -> Variables:
    """Variables with these weights, which come in the order of Keras's `get_weights()`.

    Args:
        layer: the layer or model.
        variables: its variables, which stay as they are.
        weights: one array for each, of its shape, as `get_weights` returns them here and in Keras.
        *args: an example input, as for `get_weights`.

    Returns:
        New variables; the arrays have the dtypes of those that they replace.

    Raises:
        ValueError: another number of arrays, or one of another shape; variables that are not the layer's.
    """
    own = _own(layer, variables, args)
    order, named = _order(layer, variables, args), named_leaves(unstacked(layer, own))
    given = list(weights)
    wanted = [(name, tuple(named[name].shape)) for name in order]
    if [shape for _, shape in wanted] != [np.shape(weight) for weight in given]:
        raise _other_weights(layer, wanted, given)
    new = {n: jnp.asarray(weight, named[n].dtype) for n, weight in zip(order, given, strict=True)}

    def replaced(path: jax.tree_util.KeyPath, leaf: Array) -> Array:
        return new.get(path_name(path), leaf)

    before = unstacked(layer, dict(variables_in(variables)))
    changed: Variables = restacked(layer, jax.tree_util.tree_map_with_path(replaced, before))
    return changed


def _own(layer: Layer, variables: VariablesLike, args: tuple[PyTree, ...]) -> Variables:
    """The variables, or an error for those of another model: a list has no names by which a mistake would be seen."""
    variables = check_collections(layer.path_text(), variables_in(variables))
    own = {c: t for c, t in variables.items() if c not in TRANSIENT}
    known = compare_arrays(spec_of(_expected(layer, args)), spec_of(own))
    if known.ok:
        return own
    raise ValueError(
        explain(
            f"These are not the variables of {layer.path_text()}.",
            received="\n" + known.text("given"),
            usually="another model's, or those of the model around it.",
            write="variables = model.variables_for(layer, variables)   # the part of a model's that is the layer's",
        )
    )


def _order(layer: Layer, variables: VariablesLike, args: tuple[PyTree, ...]) -> list[str]:
    own = unstacked(layer, variables_in(variables))
    return weight_order(written_out(layer), own, _example(layer, args))


def _example(layer: Layer, args: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
    """What a layer without a graph is called with: an example, or else the input of a call that was recorded.

    Raises:
        ValueError: neither is there.
    """
    if layer.graph is not None:
        return ()
    if args:
        return jax.tree.map(_struct, args)
    calls = [node.arguments for node in layer._recorded_nodes()]
    if calls and not calls[0][1]:
        structs: tuple[PyTree, ...] = jax.tree.map(_struct, tuple(calls[0][0]))
        return structs
    what = "model" if isinstance(layer, Model) else "layer"
    raise ValueError(
        explain(
            f"The order in which {layer.path_text()} makes its weights is not known before it is called.",
            received="no example input",
            usually="a subclassed model, or a layer that was called on no fk.Input.",
            write=f"{what}.get_weights(variables, x)   # likewise {what}.set_weights(variables, weights, x); any batch",
        )
    )


def _expected(layer: Layer, args: tuple[PyTree, ...]) -> Variables:
    """The layer's variables as shapes and dtypes."""
    example = _example(layer, args)
    if isinstance(layer, Model) and layer.graph is not None:
        return layer.abstract_variables()
    nodes = layer._recorded_nodes()
    if nodes and not args:
        return {"params": {}, **nodes[0].variables}
    expected: Variables = jax.eval_shape(lambda key: layer.init(key, *example), jax.eval_shape(jax.random.key, 0))
    return expected


def _struct(leaf: PyTree) -> PyTree:
    if isinstance(leaf, SymbolicTensor):
        return leaf.struct
    return (
        leaf if isinstance(leaf, jax.ShapeDtypeStruct) else jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf))
    )


def _other_weights(layer: Layer, wanted: list[tuple[str, tuple[int, ...]]], weights: list[ArrayLike]) -> ValueError:
    """The error for a list that does not fit, with the first weights that differ."""
    rows = []
    for i in range(max(len(wanted), len(weights))):
        name, shape = wanted[i] if i < len(wanted) else ("nothing", None)
        given = np.shape(weights[i]) if i < len(weights) else None
        if given != shape:
            rows.append(f"[{i}]: {'nothing' if given is None else given} for {name} {shape or ''}".rstrip())
    shown = "\n".join(rows[:_SHOWN] + [f"… and {len(rows) - _SHOWN} more"] * (len(rows) > _SHOWN))
    return ValueError(
        explain(
            f"{layer.path_text()} has {len(wanted)} weights, which these {len(weights)} do not fit.",
            received="\n" + shown,
            usually="another model's weights, or the kernel without the bias.",
            write="variables = model.set_weights(variables, other.get_weights(other_variables))",
        )
    )
