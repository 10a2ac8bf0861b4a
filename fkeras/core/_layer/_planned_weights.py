"""Weights that `__init__` asks for, as in the first layer of Keras's guide: they are made when the layer is bound."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import jax
import numpy as np

from .._graph._operators import ArrayOperators, Operand
from .._words._errors import explain
from ..typing import PyTree
from ._layer_errors import name_before_shape

if TYPE_CHECKING:
    from ._layer import Layer


@dataclasses.dataclass(frozen=True, eq=False)
class PlannedWeight(ArrayOperators[NoReturn]):
    """What stands for a weight on a layer that is not bound, whose `__init__` has called `add_weight`.

    Attributes:
        place: how many weights the layer planned before it.
        arguments: those of `add_weight`, by name.
    """

    place: int
    arguments: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the weight will have."""
        shape: Any = self.arguments["shape"]
        return () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)

    @property
    def name(self) -> str | None:
        """The name that it was given."""
        name: str | None = self.arguments["name"]
        return name

    # Plans are told apart, not compared as arrays are.
    __eq__ = object.__eq__  # type: ignore[assignment]
    __ne__ = object.__ne__  # type: ignore[assignment]
    __hash__ = object.__hash__

    def _operate(self, op: str, *operands: Operand) -> NoReturn:
        raise TypeError(self._has_no_numbers(f"{op} of it"))

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise TypeError(self._has_no_numbers("an array of it"))

    def __jax_array__(self) -> jax.Array:
        raise TypeError(self._has_no_numbers("an array of it"))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"PlannedWeight has no attribute {name!r}")
        raise AttributeError(self._has_no_numbers(name))

    def _has_no_numbers(self, asked: str) -> str:
        arguments = self.__dict__.get("arguments", {"name": None})
        return explain(
            f"The weight {arguments['name']!r} was asked for in `__init__`: it has a shape there and no numbers yet.",
            received=asked,
            usually="Keras's layers carry their weights; here they are a pytree that `init` makes.",
            write=f"variables = layer.init(key, x); variables['params'][{arguments['name'] or 'weight'!r}]",
        )


def plan_weight(layer: Layer, plans: list[PlannedWeight], arguments: Mapping[str, Any]) -> PlannedWeight:
    """What `add_weight` returns in an `__init__`.

    Raises:
        ValueError: a shape that is not known there.
    """
    planned = PlannedWeight(len(plans), arguments)
    if not all(isinstance(size, int | np.integer) for size in planned.shape):
        if isinstance(arguments["shape"], str):
            raise name_before_shape(layer, arguments["shape"])
        raise ValueError(
            explain(
                f"{layer.path_text()} needs a known shape for its weight {planned.name!r}.",
                received=f"shape {planned.shape} in `__init__`",
                usually="a size that the input tells, which `build` is told.",
                write="def build(self, input_shape): self.w = self.add_weight(shape=(input_shape[-1], ...), ...)",
            )
        )
    plans.append(planned)
    return planned


def with_made(value: PyTree, made: Sequence[Any]) -> PyTree:
    """What `__init__` set on a layer, with the weights in the place of those that it planned.

    Args:
        value: an attribute's value; the same object is returned where it holds none.
        made: the weights, in the order in which they were planned.
    """
    if isinstance(value, PlannedWeight):
        return made[value.place]
    if isinstance(value, list | tuple):
        items = [with_made(item, made) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else type(value)(items)
    if isinstance(value, dict):
        held = {key: with_made(item, made) for key, item in value.items()}
        return value if all(held[key] is item for key, item in value.items()) else held
    return value
