"""AdamW without a learning-rate schedule: the weights are averaged instead."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...core import register
from ...core.typing import PyTree
from ._adam import power, toward_square, zeros
from ._base import MODULE, LearningRate, Optimizer
from ._gradients import root
from ._per_weight import per_weight


class ScheduleFreeState(NamedTuple):
    """The sequence that gradients move, $z$, and their second moment."""

    momentum: PyTree
    velocity: PyTree


@register(MODULE)
class ScheduleFreeAdamW(Optimizer):
    r"""Three sequences: $z$ takes the steps, $x$ averages it, and the weights $y$ between them get the gradients.

    $z \leftarrow z - \eta\, g / (\sqrt{v/(1-\beta_2^t)} + \epsilon)$,
    $x \leftarrow (1 - \tfrac1t) x + \tfrac1t z$, $y = (1-\beta_1) z + \beta_1 x$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        beta_1: where $y$ lies between $z$ and $x$; more than 0.
        beta_2: decay of the second moment $v$.
        epsilon: outside the root and the bias correction.
        warmup_steps: over how many moves the rate rises linearly.
        weight_decay, clipnorm, …: see `Optimizer`.

    Only $z$ is stored: $x$ follows from it and the weights, see `averaged_params`.

    >>> ScheduleFreeAdamW(warmup_steps=10)
    ScheduleFreeAdamW(learning_rate=0.0025, warmup_steps=10)

    References:
        Defazio et al., 2024, [The road less scheduled](https://arxiv.org/abs/2405.15682).
    """

    learning_rate: LearningRate = 0.0025
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    warmup_steps: int = 0

    _needs_params: ClassVar[bool] = True

    def averaged_params(self, params: PyTree, state: PyTree) -> PyTree:
        """The average $x$, which the paper evaluates (Keras evaluates the weights $y$ themselves)."""
        return per_weight(lambda y, z: (y - (1 - self.beta_1) * z) / self.beta_1, params, state.inner.momentum)

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        t = (step + 1).astype(jnp.float32)
        rate = learning_rate * jnp.minimum(t / self.warmup_steps, 1.0) if self.warmup_steps > 0 else learning_rate
        weight = 1.0 / t

        def init(params: PyTree) -> ScheduleFreeState:
            return ScheduleFreeState(jax.tree.map(jnp.copy, params), zeros(params))

        def update(
            gradients: PyTree, state: ScheduleFreeState, params: PyTree = None
        ) -> tuple[PyTree, ScheduleFreeState]:
            velocity = toward_square(state.velocity, gradients, 1 - self.beta_2)
            correction = 1 - power(self.beta_2, step + 1)
            new = per_weight(
                lambda z, g, v: z - rate * g / (root(v / correction) + self.epsilon),
                *(state.momentum, gradients, velocity),
            )

            def move(y: jax.Array, old: jax.Array, z: jax.Array) -> jax.Array:
                x = (1 - weight) * ((y - (1 - self.beta_1) * old) / self.beta_1) + weight * z
                return (1 - self.beta_1) * z + self.beta_1 * x - y

            return per_weight(move, params, state.momentum, new), ScheduleFreeState(new, velocity)

        return optax.GradientTransformation(init, update)
