"""One call of a config, recorded again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax

from .._graph._op import Op
from .._graph._ops_config import facts_of
from .._graph._ops_limits import check_call, check_result
from .._graph._symbolic import SymbolicTensor, record
from .._layer._build_config import alike, check_shapes
from .._layer._layer import Layer
from .._words._config import deserialize, deserialize_at
from .._words._errors import explain
from .._words._reading_budget import Reading
from ..typing import JSON, Config, PyTree
from ._call_order import CallId
from ._keras_history import TENSOR, history_of

#: What the calls that were recorded returned, by leaf.
Outputs: TypeAlias = dict[CallId, list[SymbolicTensor]]


def recorded_call(operation: Layer | Op, entry: Config, call: Config, outputs: Outputs, reading: Reading) -> PyTree:
    """What a call returns that a config describes.

    Args:
        operation: what is called.
        entry: its record.
        call: the record of the call, `{"args": …, "kwargs": …}`.
        outputs: of the calls before it.
        reading: the user's classes, and what the reading of the file may still cost.

    Raises:
        ValueError: a call that does not fit the graph, or costs more than it may.
    """
    args, kwargs = _read(call["args"], outputs, reading), _read(call["kwargs"], outputs, reading)
    reading.budget.spend("work", 1 + len(jax.tree.leaves((args, kwargs))) // 8)
    if not isinstance(operation, Op):
        # Keras writes mask: null for nested models; no mask is what a call without one means
        result = operation(*args, **{key: v for key, v in kwargs.items() if key != "mask" or v is not None})
    else:
        if operation.name == "get_item" and isinstance(args[1], list):  # JSON made a list of the index tuple
            args[1] = tuple(args[1])
        kept = facts_of(operation.name).kept
        given = {key: v for key, v in entry["config"].items() if key != "name" and (key != "dtype" or key in kept)}
        settings = {key: deserialize_at(key, v, reading) for key, v in given.items()}
        check_call(operation.name, args, {**settings, **kwargs}, reading.budget)
        result = record(operation, tuple(args), {**settings, **kwargs})
    check_result(result)
    return result


def _read(tree: JSON, outputs: Outputs, reading: Reading) -> Any:
    """Call arguments from JSON, with recorded tensors in place of their records."""
    if isinstance(tree, list):
        return [_read(value, outputs, reading) for value in tree]
    if isinstance(tree, Mapping):
        if tree.get("class_name") == TENSOR:
            return _recorded_tensor(tree, outputs)
        if "class_name" in tree and "config" in tree:
            return deserialize(tree, reading, ("keras.layers", "keras"))
        return {key: _read(value, outputs, reading) for key, value in tree.items()}
    return tree


def _recorded_tensor(tensor: Mapping[str, Any], outputs: Outputs) -> SymbolicTensor:
    """The tensor of a record, whose shape is compared with what the call before it makes."""
    name, call, output = history_of(tensor)
    made = outputs[name, call]
    if output >= len(made):
        raise ValueError(explain(f"The config has no tensor {[name, call, output]}.", received=f"{len(made)}"))
    shape = tensor["config"].get("shape")
    check_shapes(shape)
    if isinstance(shape, list | tuple) and not alike(shape, made[output].symbolic_shape):
        raise ValueError(
            explain(
                "A call in the config takes a tensor of another shape than the layer before it makes.",
                received=f"{list(shape)} in the record, {list(made[output].shape)} as the layers are described",
                usually="the file is damaged or was edited.",
            )
        )
    return made[output]
