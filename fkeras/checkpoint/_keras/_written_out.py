"""Models with a `Repeat` as Keras knows them: each of its blocks is a layer, and each has its own arrays."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp

from ...core import Layer, Sequential, children, explain, map_layers_with_path, walk
from ...core.typing import PyTree

ModelT = TypeVar("ModelT", bound=Layer)
_Path = tuple[str, ...]


def written_out(model: ModelT) -> ModelT:
    """The model in which each `Repeat` is a Sequential of its name, with the blocks `block`, `block_1`, … in it.

    Raises:
        ValueError: blocks that are given further arguments, which no Sequential passes on.
    """
    stacks = _stacks(model)
    if not stacks:
        return model

    def change(layer: Layer, path: _Path) -> Layer:
        return layer if path not in stacks else _as_sequential(layer, stacks[path])

    return map_layers_with_path(model, change)


def unstacked(model: Layer, tree: PyTree) -> PyTree:
    """Variables, or what mirrors them, of a model as those of the model that is written out.

    Args:
        model: the model.
        tree: its variables, or any tree with trees of them inside, such as an optimizer's state; arrays or shapes.
    """
    for path, layer in _stacks(model).items():
        tree = _at_each(tree, path, functools.partial(_taken_apart, layer))
    return tree


def restacked(model: Layer, tree: PyTree) -> PyTree:
    """The inverse of `unstacked`."""
    for path, layer in reversed(_stacks(model).items()):
        tree = _at_each(tree, path, functools.partial(_put_together, layer))
    return tree


def _stacks(model: Layer) -> dict[_Path, Layer]:
    """The layers that stack blocks, by the path of their variables, outermost first."""
    return {path: layer for path, layer in walk(model) if layer._stacked_blocks}


def _names(layer: Layer) -> list[str]:
    ((name, _),) = children(layer)
    return [f"{name}_{i}" if i else name for i in range(layer._stacked_blocks)]


def _as_sequential(layer: Layer, recorded: Layer) -> Sequential:
    for node in recorded._recorded_nodes():
        args, kwargs = node.arguments
        if len(args) != 1 or set(kwargs) - {"training"} or len(jax.tree.leaves(args)) != 1:
            raise ValueError(
                explain(
                    f"A Keras file cannot hold {layer.path_text()}: its blocks are given more than one input.",
                    received=f"{len(args)} arguments" + "".join(f", {name}=" for name in kwargs),
                    usually="the output of an encoder, or a mask, that each block takes.",
                    write='model.save("name", variables)   # an Orbax directory',
                )
            )
    ((_, block),) = children(layer)
    blocks = [copy.deepcopy(block).clone(parent=None, name=name) for name in _names(layer)]
    return Sequential(layers=blocks, name=layer.name, trainable=layer.trainable, dtype=layer.dtype)


def _at_each(tree: PyTree, path: _Path, change: Callable[[PyTree], PyTree]) -> PyTree:
    """A tree with another part at a path in each tree of weights that it holds."""

    def is_there(part: PyTree) -> bool:
        return isinstance(part, Mapping) and bool(_part_at(part, path))

    return jax.tree.map(lambda part: _replaced(part, path, change) if is_there(part) else part, tree, is_leaf=is_there)


def _part_at(tree: PyTree, path: _Path) -> PyTree:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _replaced(tree: PyTree, path: Sequence[str], change: Callable[[PyTree], PyTree]) -> PyTree:
    return {**tree, path[0]: _replaced(tree[path[0]], path[1:], change)} if path else change(tree)


def _taken_apart(layer: Layer, part: Mapping[str, PyTree]) -> PyTree:
    names = _names(layer)
    if set(part) != {names[0]}:
        return part

    def take(leaf: PyTree, i: int) -> PyTree:
        if isinstance(leaf, jax.ShapeDtypeStruct):
            return jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
        return leaf[i]

    return {name: jax.tree.map(lambda leaf, i=i: take(leaf, i), part[names[0]]) for i, name in enumerate(names)}


def _put_together(layer: Layer, part: Mapping[str, PyTree]) -> PyTree:
    names = _names(layer)
    if set(part) != set(names):
        return part
    return {names[0]: jax.tree.map(lambda *leaves: jnp.stack(leaves), *(part[name] for name in names))}
