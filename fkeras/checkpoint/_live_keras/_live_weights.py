"""The variables of live Keras layers and those of fkeras's layers: which is which, and copies of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp

from ...core import NON_TRAINABLE, Layer, Model, SymbolicTensor, join_path, named_leaves, path_name, split_path
from ...core.typing import PyTree, Variables
from .._keras._layout import weight_order
from .._keras._model_config import recorded_inputs
from ._guest import KerasLayer, KerasModel
from ._library import LiveObject


@dataclasses.dataclass(frozen=True)
class Pair:
    """A layer that holds weights.

    Attributes:
        path: where its variables are in the model's.
        layer: what it is in fkeras.
        live: what it is in Keras.
    """

    path: tuple[str, ...]
    layer: Layer
    live: LiveObject


class Misfit(Exception):  # noqa: N818 - says which layers are to be guests, which is no error
    """Layers of Keras whose weights are others than those of fkeras's layers of the same configs.

    Attributes:
        layers: their `id`s.
    """

    def __init__(self, layers: Iterable[int]) -> None:
        super().__init__()
        self.layers = frozenset(layers)


def matched(model: Layer, pairs: Iterable[Pair]) -> tuple[Variables, dict[str, LiveObject]]:
    """The variables of a model as shapes, and the Keras variable that each of them is, by name.

    Args:
        model: the model.
        pairs: its layers that hold weights.

    Returns:
        The variables, in which those without one in Keras are states that begin at zero; and the Keras variables.

    Raises:
        Misfit: layers whose weights Keras has in other shapes, or another number of.
    """
    listed = list(pairs)
    spec = _spec_of(model, listed)
    found: dict[str, LiveObject] = {}
    misfits: list[int] = []
    for pair in listed:
        own = part_at(spec, pair.path)
        names = names_of_guest(pair.layer) if is_guest(pair.layer) else _names_of_layer(pair, own)
        mine = named_leaves(own)
        if names is None or any(tuple(mine[n].shape) != tuple(v.shape) for n, v in names.items()):
            misfits.append(id(pair.live))
            continue
        for name, variable in names.items():
            collection, *rest = split_path(name)
            found[join_path([collection, *pair.path, *rest])] = variable
    if misfits:
        raise Misfit(misfits)
    return spec, found


def copied(spec: Variables, found: Mapping[str, LiveObject]) -> dict[str, PyTree]:
    """Variables with copies of what Keras's hold: a training in Keras gives away the memory of its own.

    Args:
        spec: the variables as shapes.
        found: the Keras variables by name.
    """

    def copy(path: jax.tree_util.KeyPath, leaf: PyTree) -> PyTree:
        variable = found.get(path_name(path))
        return jnp.zeros(leaf.shape, leaf.dtype) if variable is None else jnp.array(variable.value, copy=True)

    return {"params": {}, **jax.tree_util.tree_map_with_path(copy, dict(spec))}


def is_guest(layer: Layer) -> bool:
    """Whether a layer is a live one of Keras."""
    return isinstance(layer, KerasLayer | KerasModel)


def _spec_of(model: Layer, pairs: list[Pair]) -> dict[str, PyTree]:
    if is_guest(model):
        return _spec_of_guest(model)
    if isinstance(model, Model):
        return model.abstract_variables()
    return dict(model.build_from_config(pairs[0].live.get_build_config() or {})) if pairs else {}


def _spec_of_guest(guest: PyTree) -> dict[str, PyTree]:
    tree: dict[str, PyTree] = {"params": {}}
    for name, variable in names_of_guest(guest).items():
        collection, leaf = split_path(name)
        struct = jax.ShapeDtypeStruct(tuple(variable.shape), variable.dtype)
        tree.setdefault(collection, {})[leaf] = struct
    return tree


def names_of_guest(guest: PyTree) -> dict[str, LiveObject]:
    """The variables of a guest's live layer, by the names of the guest's."""
    live = guest.live
    return {join_path(["params" if n in live.trains else NON_TRAINABLE, n]): v for n, v in live.weights.items()}


def _names_of_layer(pair: Pair, own: Variables) -> dict[str, LiveObject] | None:
    """The Keras variables of a layer that fkeras knows; `None` where there is another number of them."""
    weights = list(pair.live.weights)
    try:
        order = weight_order(pair.layer, own, _example(pair)) if jax.tree.leaves(own) else []
    except ValueError:
        return None
    if len(order) != len(weights):
        return None
    by_name = {str(v.name): v for v in weights}
    leaves = [split_path(name)[-1] for name in order]
    if pair.layer._storage_told() is not None and sorted(by_name) == sorted(leaves):
        return {name: by_name[leaf] for name, leaf in zip(order, leaves, strict=True)}  # few bits, in no one order
    return dict(zip(order, weights, strict=True))


def _example(pair: Pair) -> tuple[PyTree, ...]:
    if pair.layer.graph is None and not pair.layer._recorded_nodes():
        return recorded_inputs({"build_config": pair.live.get_build_config() or {}})
    return example_of(pair.layer)


def example_of(layer: Layer) -> tuple[PyTree, ...]:
    """What a layer was called with in its graph, by position, as shapes."""
    nodes = layer._recorded_nodes() if layer.graph is None else ()
    if not nodes:
        return ()
    args, kwargs = nodes[0].arguments
    for name in layer._call_parameters.names[len(args) :]:
        if not jax.tree.leaves(kwargs.get(name)):
            break
        args = (*args, kwargs[name])
    structs: tuple[PyTree, ...] = jax.tree.map(_struct, tuple(args))
    return structs


def _struct(leaf: PyTree) -> PyTree:
    return leaf.struct if isinstance(leaf, SymbolicTensor) else leaf


def part_at(variables: Variables, path: tuple[str, ...]) -> dict[str, PyTree]:
    """What lies at a path of each collection that has it."""
    found = {}
    for collection, tree in variables.items():
        for key in path:
            tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
        if jax.tree.leaves(tree):
            found[collection] = tree
    return found
