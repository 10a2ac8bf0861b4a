"""The record of the shapes for which a layer's weights were made: written beside its config, and compared when read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import jax

from .._graph._dimensions import is_symbolic
from .._graph._symbolic import Node, SymbolicTensor
from .._words._config_errors import at
from .._words._errors import explain
from ..typing import JSON, PyTree
from ._layer import Layer


def build_config_of(layer: Layer, node: Node) -> dict[str, JSON]:
    """The shapes a layer's weights were made for: of its first argument, or of each by name, as Keras's `build`."""
    args, kwargs = jax.tree.unflatten(node.treedef, node.leaves)
    given = {**dict(zip(layer._call_parameters.names, args, strict=False)), **kwargs}
    named = {
        f"{name}_shape": _shapes(value)
        for name, value in given.items()
        if _has_tensors(value) and not name.endswith("mask") and name not in ("initial_state", "states")
    }
    return {"input_shape": next(iter(named.values()))} if len(named) == 1 else {"shapes_dict": named}


def _shapes(tree: PyTree) -> JSON:
    """The shape of each tensor, in lists: JSON has no tuples."""
    if isinstance(tree, list | tuple):
        return [_shapes(v) for v in tree]
    if isinstance(tree, Mapping):
        return {k: _shapes(v) for k, v in tree.items()}
    return list(tree.shape) if hasattr(tree, "shape") else tree


def _has_tensors(value: PyTree) -> bool:
    return any(isinstance(leaf, SymbolicTensor) for leaf in jax.tree.leaves(value))


def check_build_config(layer: object, record: object, node: Node | None) -> None:
    """Refuse a record of shapes for which the layer would have other weights than it has here.

    A layer may well have been built for another batch or length than the one it is called with in this graph, so shapes
    may differ as long as the weights are the same.

    Args:
        layer: the layer.
        record: its `build_config`, `None` where there is none.
        node: its first call.

    Raises:
        ValueError: a record that holds no shapes, or those of other weights.
    """
    if record is None:
        return
    with at("build_config"):
        if not isinstance(record, Mapping):
            raise _no_shapes(record)
        for key in ("input_shape", "shapes_dict"):
            check_shapes(record.get(key))
        shape = record.get("input_shape")
        if node is None or not isinstance(layer, Layer) or not _is_shape(shape) or len(node.inputs) != 1:
            return
        found = node.inputs[0].symbolic_shape
        if not node.variables.get("params") or alike(shape, found):
            return
        struct = jax.ShapeDtypeStruct(tuple(1 if d is None else d for d in shape), node.inputs[0].dtype)
        key = jax.eval_shape(lambda: jax.random.key(0))
        try:
            other = jax.eval_shape(lambda k: layer.init(k, struct), key)
        except Exception:  # whatever a layer raises for an input that it cannot take
            other = None
        if other is None or jax.tree.map(_spec, other["params"]) != jax.tree.map(_spec, dict(node.variables["params"])):
            raise ValueError(
                explain(
                    f"{layer.path_text()} was built for other weights than it has in this model.",
                    received=f"input_shape {shape} in its build_config, {list(node.inputs[0].shape)} in the graph",
                    usually="the file is damaged or was edited.",
                )
            )


def check_build_of_model(model: Layer, record: JSON) -> None:
    """Refuse a record of another input than the model has, where it has one.

    Raises:
        ValueError: saying both.
    """
    check_build_config(model, record, None)
    graph, shape = model.graph, record.get("input_shape") if isinstance(record, Mapping) else None
    if graph is None or not _is_shape(shape) or not isinstance(graph.inputs, SymbolicTensor):
        return
    if not alike(shape, graph.inputs.symbolic_shape):
        with at("build_config"):
            raise ValueError(
                explain(
                    f"{model.path_text()} was built for another input than its layers take.",
                    received=f"input_shape {shape} in its build_config, {list(graph.inputs.shape)} in the graph",
                    usually="the file is damaged or was edited.",
                )
            )


def check_shapes(record: object) -> None:
    """Refuse what is no shape, and no lists or dicts of shapes.

    Raises:
        ValueError: a size that is neither `None` nor a whole number of at least 0.
    """
    if isinstance(record, Mapping):
        for key, part in record.items():
            with at(key):
                check_shapes(part)
    elif isinstance(record, list | tuple):
        if not _is_shape(record) and not all(isinstance(part, list | tuple | Mapping) for part in record):
            raise _no_shapes(record)
        for part in record:
            if isinstance(part, list | tuple | Mapping):
                check_shapes(part)
    elif record is not None:
        raise _no_shapes(record)


def _is_shape(value: object) -> TypeGuard[Sequence[int | None]]:
    return isinstance(value, list | tuple) and all(d is None or (type(d) is int and 0 <= d < 1 << 48) for d in value)


def alike(shape: Sequence[int | None], other: Sequence[Any]) -> bool:
    """Whether two shapes have the same axes after the first, as far as both are known.

    >>> alike([None, 3], (8, 3)), alike([None, 3], (8, 4)), alike([None], (8, 3))
    (True, False, False)
    """
    pairs = list(zip(shape[1:], other[1:], strict=False))
    return len(shape) == len(other) and all(a is None or is_symbolic(b) or a == b for a, b in pairs)


def _spec(leaf: jax.ShapeDtypeStruct) -> tuple[tuple[int, ...], str]:
    return tuple(leaf.shape), str(leaf.dtype)


def _no_shapes(record: object) -> ValueError:
    return ValueError(
        explain(
            "A build_config holds shapes: lists of whole numbers and None.",
            received=repr(record)[:80],
            usually="the file is damaged or was edited.",
            write='"build_config": {"input_shape": [None, 8]}',
        )
    )
