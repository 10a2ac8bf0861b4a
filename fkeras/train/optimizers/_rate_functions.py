"""A learning rate that is a function: of the step, as optax's schedules are, or without arguments, as in Keras."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike


def takes_step(function: Callable[..., ArrayLike]) -> bool:
    """Whether a function is called with the step; one whose arguments cannot be read is.

    >>> takes_step(lambda step: 0.1), takes_step(lambda: 0.1)
    (True, False)
    """
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    except ValueError:  # a builtin does not say what it takes
        return True
    return True


def check_function(owner: str, function: Callable[..., ArrayLike]) -> None:
    """Refuse a function that can be called neither with the step nor without arguments, or that could mean both.

    Raises:
        TypeError: it is.
    """
    if isinstance(function, type):
        write = f"{owner}({function.__name__}(…))"
        raise _refusal(owner, function, "a schedule's class was passed without calling it.", write)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    if takes_step(function):
        first = next(iter(signature.parameters.values()))
        if first.default is not inspect.Parameter.empty and first.name not in ("step", "count"):
            usually = f"Keras calls it without arguments, and optax with the step in place of {first.name!r}."
            raise _refusal(owner, function, usually, f"{owner}(lambda: rate), or {owner}(lambda step: rate)")
        return
    try:
        signature.bind()
    except TypeError:
        usually = "a function of the epoch and the rate, which belongs to a LearningRateScheduler."
        raise _refusal(owner, function, usually, f"{owner}(lambda step: rate), or {owner}(lambda: rate)") from None


def rate_at(function: Callable[..., ArrayLike], step: jax.Array | int) -> jax.Array:
    """The rate that a function gives at a step, float32.

    Raises:
        TypeError: it gives no number.

    >>> float(rate_at(lambda: 0.5, 3)), float(rate_at(lambda step: 2.0 * step, 3))
    (0.5, 6.0)
    """
    rate = function(step) if takes_step(function) else function()
    if rate is None or isinstance(rate, str | bytes | bool) or callable(rate) or np.ndim(rate) != 0:
        raise TypeError(
            explain(
                "A learning rate that is a function has to return one number.",
                received=f"{rate!r:.60} from {_name(function)}",
                usually="a missing `return`.",
                write="lambda step: 0.1 * 0.5 ** (step // 1000)",
            )
        )
    return jnp.asarray(rate, jnp.float32)


def _refusal(owner: str, function: Callable[..., ArrayLike], usually: str, write: str) -> TypeError:
    try:
        takes = str(inspect.signature(function))
    except (TypeError, ValueError):
        takes = ""
    what = f"{owner}: a learning rate that is a function takes the step, or nothing."
    return TypeError(explain(what, received=f"{_name(function)}{takes}", usually=usually, write=write))


def _name(function: Callable[..., ArrayLike]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
