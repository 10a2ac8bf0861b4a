"""`input_shape=` and its kin: what the first layer of a `Sequential` says of the input, as in Keras 2 and 3.

The arguments make the `Input` that stands before the layer. They are no part of what the layer is: not in its config,
not in what it computes.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from .._words._errors import explain
from ..typing import PyTree, Shape

if TYPE_CHECKING:
    from ._layer import Layer

# `batch_size` alone says nothing: it goes with `input_shape`.
_ALONE = ("input_shape", "batch_input_shape", "input_dim", "input_length")
INPUT_ARGUMENTS = frozenset((*_ALONE, "batch_size"))


def split_input_arguments(cls: type[Layer], values: dict[str, Any]) -> tuple[dict[str, Any], Shape | None]:
    """A constructor's arguments without those that tell the input, and the whole shape that these tell.

    An argument that a class has itself, as `Embedding` has its `input_dim`, is left to the class.

    Args:
        cls: the layer's class.
        values: the arguments by name.

    Returns:
        The other arguments, and the shape with the batch first; `None` where nothing was told.
    """
    if INPUT_ARGUMENTS.isdisjoint(values) or not cls._takes_input_shape:
        return values, None
    own = {f.name for f in dataclasses.fields(cls)}
    told = {name: value for name, value in values.items() if name in INPUT_ARGUMENTS and name not in own}
    if not any(name in told for name in _ALONE):
        return values, None
    return {name: value for name, value in values.items() if name not in told}, _whole_shape(cls, told)


def _whole_shape(cls: type[Layer], told: dict[str, Any]) -> Shape | None:
    batch, length = told.get("batch_size"), told.get("input_length")
    if told.get("batch_input_shape") is not None:
        return _checked(cls, "batch_input_shape", told["batch_input_shape"])
    if told.get("input_shape") is not None:
        return (batch, *_checked(cls, "input_shape", told["input_shape"]))
    if told.get("input_dim") is not None:
        return (batch, *_checked(cls, "input_dim", [*(() if length is None else (length,)), told["input_dim"]]))
    return None if length is None else (batch, *_checked(cls, "input_length", length))


def _checked(cls: type[Layer], argument: str, shape: Any) -> Shape:
    sizes = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    if all(d is None or (hasattr(d, "__index__") and not isinstance(d, bool) and d > 0) for d in sizes):
        return tuple(None if d is None else int(d) for d in sizes)
    raise ValueError(
        explain(
            f"{cls.__name__}: `{argument}` is a shape.",
            received=f"{argument}={shape!r}",
            usually="something other than positive integers and None.",
            write="input_shape=(28, 28, 1), or fk.Input((28, 28, 1)) before the layer",
        )
    )


def check_input_shape(layer: Layer, inputs: PyTree) -> None:
    """Refuse a tensor that is not of the shape that the layer's constructor was told.

    Raises:
        ValueError: naming both shapes.
    """
    told = layer._batch_input_shape
    found = getattr(inputs, "shape", None)
    if told is None or found is None:
        return
    pairs = list(zip(told, found, strict=False))
    if len(told) != len(found) or any(a is not None and b is not None and a != b for a, b in pairs):
        raise ValueError(
            explain(
                f"{layer.path_text()} was made for another input.",
                received=f"a tensor of shape {tuple(found)}, and input_shape={tuple(told)[1:]} of the constructor",
                usually="an `input_shape=` that was copied with the layer; it is for the first of a Sequential.",
                write="the layer without input_shape=; a graph knows its shapes from fk.Input",
            )
        )
