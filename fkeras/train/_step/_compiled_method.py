"""Methods that are compiled programs of their object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._learner import Learner
from ._programs import compiled


class CompiledMethod:
    """A method that is a compiled program of its trainer: `trainer.train_step` is what `jax.jit` returns.

    So it has `lower` and `trace` before its first call, and a call costs nothing but the program's own.

    Attributes:
        function: the function of the trainer and the arguments, uncompiled.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    def __get__(self, trainer: Learner | None, owner: type) -> Any:
        return self if trainer is None else compiled(trainer, self.function)

    def __call__(self, trainer: Learner, *args: Any) -> Any:
        """The method called on its class: `Trainer.train_step(trainer, state, batch)`."""
        return compiled(trainer, self.function)(*args)


def overrides(trainer: Learner, name: str, function: Callable[..., Any]) -> bool:
    """Whether a trainer's class has another method of this name than `function`."""
    method = getattr(type(trainer), name)
    return (method.function if isinstance(method, CompiledMethod) else method) is not function
