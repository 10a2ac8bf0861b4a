"""One move of an optimizer: gradients are clipped, weights decay, the rule says the step, the average follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from ...core.typing import PyTree
from ._gradients import cast_like, clip, wide
from ._paths import map_with_name
from ._per_weight import per_weight


class Moving(Protocol):
    """What a move asks of an optimizer: options of its base class, its rule, and the decay of each parameter."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    ema_momentum: float
    ema_overwrite_frequency: int | None

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation: ...
    def decay_of(self, name: str, param: jax.Array) -> float | None: ...


def move(
    optimizer: Moving,
    gradients: PyTree,
    inner: PyTree,
    params: PyTree,
    rate: jax.Array,
    step: jax.Array,
    extra_args: Mapping[str, Any],
) -> tuple[PyTree, PyTree]:
    """One move: clip, decay, rule; computed wide, returned in the dtypes that came.

    Args:
        optimizer: whose options and rule.
        gradients: the mean of the batches that are accumulated, unscaled.
        inner: the state of the rule.
        params: the parameters; `None` where nothing looks at them.
        rate: the learning rate of this move.
        step: the number of moves made before.
        extra_args: what else the rule may ask for.

    Returns:
        `(what is added to the parameters, the state of the rule)`.
    """
    target = gradients if params is None else params
    gradients = clip(wide(gradients, target), optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)
    rule = optax.with_extra_args_support(optimizer.rule(rate, step))
    if params is None:
        moves, state = rule.update(gradients, wide(inner), None, **extra_args)
    else:
        params = wide(params)
        pulls = _pulls(optimizer, params, rate)
        decayed = params if pulls is None else jax.tree.map(jnp.subtract, params, pulls)
        moves, state = rule.update(gradients, wide(inner), decayed, **extra_args)
        moves = moves if pulls is None else jax.tree.map(jnp.subtract, moves, pulls)
    return cast_like(moves, target), cast_like(state, inner)


def _pulls(optimizer: Moving, params: PyTree, rate: jax.Array) -> PyTree:
    """What weight decay takes off each weight; `None` where nothing decays."""
    decays = map_with_name(lambda name, param: optimizer.decay_of(name, param), params)
    if not jax.tree.leaves(decays):
        return None
    return jax.tree.map(
        lambda param, decay: jnp.zeros_like(param) if decay is None else param * decay * rate, params, decays
    )


def average(optimizer: Moving, moves: PyTree, params: PyTree, ema: PyTree, step: jax.Array) -> tuple[PyTree, PyTree]:
    """The moving average after a move, and the move itself: on an overwriting step, one that lands on the average.

    Returns:
        `(moves, the moving average)`.
    """
    moved = jax.tree.map(jnp.add, wide(params), wide(moves))
    momentum = jnp.where(step == 0, 0.0, optimizer.ema_momentum)
    wide_ema = per_weight(lambda e, p: momentum * e + (1 - momentum) * p, wide(ema), moved)
    ema = cast_like(wide_ema, ema)
    if optimizer.ema_overwrite_frequency:
        overwrite = (step + 1) % optimizer.ema_overwrite_frequency == 0
        landing = jax.tree.map(jnp.subtract, wide(ema), wide(params))
        landing = cast_like(landing, moves)
        moves = jax.tree.map(lambda to, m: jnp.where(overwrite, to, m), landing, moves)
    return moves, ema
