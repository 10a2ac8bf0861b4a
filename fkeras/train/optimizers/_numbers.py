"""The numbers that an optimizer was made with: their names, and an optimizer that has them in its state."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core.typing import ArrayLike, PyTree
from ..losses._exact_key import exact_key
from ._accumulate import Accumulate
from ._base import Optimizer
from ._by_path import ByPath
from ._equal_by_key import EqualByKey
from ._extra_args import update as update_of
from ._loss_scale import LossScaleOptimizer
from ._multi import MultiOptimizer, OptimizerMap

#: Where an optimizer stands inside those that wrap it: names of fields, patterns of rules, `""` for a map's default.
Place = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Number:
    """One number that an optimizer was made with.

    Attributes:
        place: where the optimizer is.
        argument: what its constructor calls the number.
        value: the number; `None` where it was not set.
    """

    place: Place
    argument: str
    value: Any


def numbers_of(optimizer: object) -> list[Number]:
    """The numbers of an optimizer and of those inside it, without learning rates, which are in the state anyway.

    Counts and flags are not among them, as the program and the state's structure follow from them; nor is what only
    the first state is made of, nor a moving average's momentum where there is none.

    >>> from fkeras.train.optimizers import SGD
    >>> [(number.argument, number.value) for number in numbers_of(SGD(0.1, momentum=0.9))][0]
    ('momentum', 0.9)
    """
    return list(_numbers(optimizer, ()))


def _numbers(optimizer: object, place: Place) -> Iterator[Number]:
    if isinstance(optimizer, Optimizer):
        kinds = _annotations(type(optimizer))
        for name, value in optimizer._arguments().items():
            left_out = name in type(optimizer)._fixed or (name == "ema_momentum" and not optimizer.use_ema)
            if name != "learning_rate" and not left_out and _is_number(value, kinds.get(name, "")):
                yield Number(place, name, value)
    for step, inner in _inside(optimizer).items():
        yield from _numbers(inner, (*place, step))


def _annotations(cls: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        found |= {name: str(getattr(kind, "__name__", kind)) for name, kind in inspect.get_annotations(owner).items()}
    return found


def _is_number(value: object, annotation: str) -> bool:
    if isinstance(value, float | np.floating | jax.Array):
        return True
    # an integer given for a float, and a float that was not set
    declared = "float" in annotation
    return declared and (value is None or (isinstance(value, int | np.integer) and not isinstance(value, bool)))


def _inside(optimizer: object) -> dict[str, Any]:
    """The optimizers that one wraps, by what leads to them."""
    if isinstance(optimizer, LossScaleOptimizer):
        return {"inner_optimizer": optimizer.inner_optimizer}
    if isinstance(optimizer, Accumulate):
        return {"optimizer": optimizer.optimizer}
    if isinstance(optimizer, ByPath):
        return dict(optimizer.rules)
    if isinstance(optimizer, MultiOptimizer) and isinstance(optimizer.optimizer_map, OptimizerMap):
        given = optimizer.optimizer_map
        return {"": given.default_optimizer, **(given.optimizer_map or {})}
    return {}


def with_numbers(optimizer: Any, numbers: Mapping[tuple[Place, str], ArrayLike]) -> Any:
    """The optimizer with numbers, which may be traced, in place of those that it was made with.

    Args:
        optimizer: the optimizer.
        numbers: by the place of the optimizer that takes them and the argument.
    """
    if not numbers:
        return optimizer
    inside = {}
    for step, inner in _inside(optimizer).items():
        below = {(place[1:], name): value for (place, name), value in numbers.items() if place[:1] == (step,)}
        inside[step] = with_numbers(inner, below)
    here = {name: value for (place, name), value in numbers.items() if not place}
    if isinstance(optimizer, ByPath):
        return ByPath(inside)
    if isinstance(optimizer, Accumulate):
        return Accumulate(inside["optimizer"], optimizer.steps)
    if isinstance(optimizer, MultiOptimizer):
        rest = {pattern: rule for pattern, rule in inside.items() if pattern}
        return optimizer.replace(optimizer_map=OptimizerMap(inside[""], rest))
    return optimizer.replace(**here, **inside)


class StatedNumbers(NamedTuple):
    """Numbers of an optimizer, in the order of `NumbersInState.places`, and the state of the optimizer itself."""

    numbers: tuple[jax.Array, ...]
    inner: PyTree


class NumbersInState(EqualByKey, optax.GradientTransformationExtraArgs):
    """An optimizer some of whose numbers are in its state, where they are data: of a trace, a batch, a gradient.

    In each update the optimizer is made anew with them, inside of the trace; what programs are looked up by is the
    optimizer as it was made, and which of its numbers are in the state.

    Attributes:
        optimizer: the optimizer as it was made.
        places: which of its numbers.
    """

    optimizer: optax.GradientTransformation
    places: tuple[tuple[Place, str], ...]

    def __new__(cls, optimizer: optax.GradientTransformation, places: tuple[tuple[Place, str], ...]) -> NumbersInState:
        def init(params: PyTree) -> StatedNumbers:
            made = {(n.place, n.argument): n.value for n in numbers_of(optimizer)}
            numbers = tuple(jnp.asarray(0.0 if made[key] is None else made[key], jnp.float32) for key in places)
            return StatedNumbers(numbers, self.of(numbers).init(params))

        def update(updates: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
            moves, inner = update_of(self.of(state.numbers), updates, state.inner, params, **extra)
            return moves, StatedNumbers(state.numbers, inner)

        self = super().__new__(cls, init, update)
        self.__dict__.update(optimizer=optimizer, places=places)
        return self

    def of(self, numbers: tuple[ArrayLike, ...]) -> Any:
        """The optimizer with these numbers."""
        return with_numbers(self.optimizer, dict(zip(self.places, numbers, strict=True)))

    @property
    def scale_loss(self) -> Any:
        """That of the optimizer, of a state with its numbers; there is none where the optimizer has none."""
        scale = getattr(self.optimizer, "scale_loss", None)
        if scale is None:
            return None
        return lambda loss, state=None: scale(loss, None if state is None else state.inner)

    def finalize_variable_values(self, params: PyTree, state: PyTree) -> PyTree:
        """What the optimizer makes of them."""
        finalize = getattr(self.optimizer, "finalize_variable_values", None)
        return finalize(params, state.inner) if finalize else params

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.optimizer, self.places)

    def _key(self) -> Hashable:
        return (type(self), exact_key(self.optimizer), self.places)

    def __repr__(self) -> str:
        return f"{self.optimizer!r} with {', '.join(name for _, name in self.places)} in its state"


jax.tree_util.register_static(NumbersInState)


def as_made(optimizer: Any) -> Any:
    """An optimizer without what keeps its numbers in the state: what it was made as."""
    return optimizer.optimizer if isinstance(optimizer, NumbersInState) else optimizer
