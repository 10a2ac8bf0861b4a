"""How a Linen module that knows nothing of fkeras is called: its inputs, and what it is told of the mode."""

from __future__ import annotations

import enum
import inspect
import warnings
from collections.abc import Callable
from typing import Any

from flax import linen

from ...core import MODE_ARGUMENTS, Layer, explain, mode_arguments
from ...core.typing import PyTree

_NAMES = ", ".join(MODE_ARGUMENTS)


def mode_of(model: linen.Module, training: bool) -> dict[str, Any]:
    """The keywords by which a module's `__call__` is told the mode, if it takes some."""
    if isinstance(model, Layer):
        return {"training": training}
    return mode_arguments(type(model).__call__, training, model)


def inputs_of(model: linen.Module, x: PyTree) -> tuple[Any, ...]:
    """The arguments by position of a call: a tuple is spread over those of a plain Linen module."""
    return x if isinstance(x, tuple) and not isinstance(model, Layer) else (x,)


def check_call(model: linen.Module, x: PyTree) -> None:
    """Refuse a plain Linen module that cannot be called with its inputs and the mode alone.

    Args:
        model: the module.
        x: its example input.

    Raises:
        ValueError: no example, from which its weights follow.
        TypeError: an argument without a default that is neither an input nor a known name of the mode.
    """
    name, rest = type(model).__name__, _beside_inputs(model, x)
    if x is None and _takes_input(model):
        raise ValueError(
            explain(
                f"The weights of {name} follow from an example of its input.",
                received="no x",
                usually="a Linen module knows its shapes when it is called, and not before.",
                write="state = trainer.init(0, x[:1])",
            )
        )
    missing = [parameter.name for parameter in rest if parameter.default is inspect.Parameter.empty]
    if missing:
        raise TypeError(
            explain(
                f"{name}.__call__ has the argument {missing[0]!r} without a default, and nothing gives it.",
                received=f"{len(inputs_of(model, x))} by position, and {', '.join(mode_of(model, False)) or 'no mode'}",
                usually=f"another name for the mode than {_NAMES}; or a further input, which stands in a tuple.",
                write="def __call__(self, x, train=False): ...   # or trainer.init(0, (x, context))",
            )
        )


def warned_of_mode(model: linen.Module, x: PyTree, call: Callable[[], Any]) -> Any:
    """What a call returns; with a warning where its layers want to know the mode, and nothing tells the module.

    Only a module with an argument that may be meant for it, `mode="train"`, is looked at, so that one without a mode,
    and one whose fields say it, are left alone.

    Args:
        model: the module.
        x: its example input.
        call: initialises it.
    """
    flags = [p.name for p in _beside_inputs(model, x) if isinstance(p.default, bool | str | enum.Enum)]
    if not flags or mode_of(model, False):
        return call()
    layers: list[str] = []

    def look(method: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        if _differs_in_training(context.module):
            layers.append(type(context.module).__name__)
        return method(*args, **kwargs)

    with linen.intercept_methods(look):
        made = call()
    if layers:
        warnings.warn(
            explain(
                f"Nothing tells {type(model).__name__} whether a call trains: training and evaluation run alike.",
                received=f"{', '.join(f'{flag}=' for flag in flags)} of its __call__, with {layers[0]} inside",
                usually=f"another name for the mode than {_NAMES}.",
                write="def __call__(self, x, train=False): ...",
            ),
            UserWarning,
            stacklevel=5,
        )
    return made


def _beside_inputs(model: linen.Module, x: PyTree) -> list[inspect.Parameter]:
    """The arguments of a plain Linen module's `__call__` that are neither inputs nor known names of the mode."""
    if isinstance(model, Layer):
        return []
    parameters = list(inspect.signature(type(model).__call__).parameters.values())[1:]
    given = 0 if x is None else len(inputs_of(model, x))
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    return [p for p in [*by_position[given:], *by_name] if p.name not in MODE_ARGUMENTS]


def _takes_input(model: linen.Module) -> bool:
    """Whether a plain Linen module's `__call__` cannot be called without an input."""
    required = [p for p in _beside_inputs(model, None) if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
    return bool(required) or isinstance(model, linen.Sequential)


def _differs_in_training(module: linen.Module) -> bool:
    """Whether a layer of Linen's own computes something else in training: it drops, or normalises by its batch."""
    if isinstance(module, linen.BatchNorm):
        return True
    rate = getattr(module, "rate" if isinstance(module, linen.Dropout) else "dropout_rate", 0.0)
    return isinstance(rate, float) and rate > 0
