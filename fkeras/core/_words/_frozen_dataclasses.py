"""Frozen dataclasses that say what to write in place of `value.name = ...`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from ._errors import explain
from ._keras_names import to_set

C = TypeVar("C", bound=type)


def answers_setting(kind: str, variable: str) -> Callable[[C], C]:
    """A decorator of a frozen dataclass with a `replace`, whose `value.name = ...` says the line to write.

    Args:
        kind: the table of Keras's names in which an attribute is looked up.
        variable: what a user's script calls such a value.

    Returns:
        A decorator, which returns the class it was given.

    >>> @answers_setting("TrainState", "point")
    ... @dataclasses.dataclass(frozen=True)
    ... class Point:
    ...     x: int
    >>> Point(1).x = 2
    Traceback (most recent call last):
    ...
    dataclasses.FrozenInstanceError: Point is frozen: its attribute 'x' cannot be set.
      Usually:  Keras's objects change in place; here each is a value, and a change makes a new one.
      Write:    point = point.replace(x=...)
    """

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807 - becomes the class's
        raise dataclasses.FrozenInstanceError(
            explain(
                f"{type(self).__name__} is frozen: its attribute {name!r} cannot be set.",
                usually="Keras's objects change in place; here each is a value, and a change makes a new one.",
                write=to_set((kind,), name) or f"{variable} = {variable}.replace({name}=...)",
            )
        )

    def decorate(cls: C) -> C:
        cls.__setattr__ = __setattr__  # type: ignore[assignment]
        return cls

    return decorate
