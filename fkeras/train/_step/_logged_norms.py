"""Numbers of a single step, computed inside it: `compile(log=["grad_norm"])`."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import optax

from ...core import did_you_mean, explain
from ...core.typing import PyTree
from ..optimizers._rates import named_rates
from ._digest import digest
from ._state import TrainState

#: Numbers that a run has and a step has not.
OF_THE_RUN = ("steps_per_second", "mfu")
_KNOWN = ("grad_norm", "update_norm", "param_norm", "learning_rate", "digest", *OF_THE_RUN)


def check_log(names: str | Iterable[str] | None) -> tuple[str, ...]:
    """The names, checked.

    Raises:
        ValueError: a name that is not known.

    >>> check_log(["grad_norm"])
    ('grad_norm',)
    """
    given: tuple[str, ...] = (names,) if isinstance(names, str) else tuple(names or ())
    for name in given:
        if name not in _KNOWN:
            raise ValueError(
                explain(
                    f"log: unknown number {name!r}.",
                    received=repr(list(given)),
                    usually=did_you_mean(name, _KNOWN),
                    write=f"log={list(_KNOWN)}",
                )
            )
    return given


def step_numbers(
    names: tuple[str, ...],
    optimizer: optax.GradientTransformation,
    grads: PyTree,
    updates: PyTree,
    state: TrainState,
    before: PyTree,
) -> dict[str, jax.Array]:
    """The numbers of a step.

    Args:
        names: which.
        optimizer: what made the step.
        grads: the gradients, of the loss as it was scaled.
        updates: what was added to the weights.
        state: the state after the step.
        before: the optimizer's state before it.

    Raises:
        ValueError: the learning rate of an optimizer that keeps none.
    """
    found: dict[str, jax.Array] = {}
    for name in names:
        if name in OF_THE_RUN:
            continue
        if name == "grad_norm":
            scale = getattr(optimizer, "scale_loss", None)
            found[name] = optax.tree.norm(grads) / (scale(jnp.float32(1), before) if scale else 1)
        elif name == "update_norm":
            found[name] = optax.tree.norm(updates)
        elif name == "param_norm":
            found[name] = optax.tree.norm(state.params)
        elif name == "digest":
            found[name] = digest(state)
        else:
            found.update(logged_rates(optimizer, state.opt_state))
    return found


def logged_rates(optimizer: optax.GradientTransformation, opt_state: PyTree) -> dict[str, jax.Array]:
    """The learning rates that `log=["learning_rate"]` shows.

    Raises:
        ValueError: the optimizer keeps none.
    """
    rates = named_rates(opt_state)
    if not rates:
        raise ValueError(
            explain(
                "log: this optimizer keeps no learning rate in its state.",
                received=type(optimizer).__name__,
                usually="a plain optax optimizer bakes the number, or the schedule, into its update.",
                write="fk.optimizers.Adam(1e-3), or optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)",
            )
        )
    return rates
