"""Adafactor: second moments of a matrix from its row and column means."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...core import register
from ...core.typing import PyTree
from ._base import MODULE, LearningRate, Optimizer
from ._gradients import root


class AdafactorState(NamedTuple):
    """Mean squares: of rows and columns for a tensor of two or more dimensions, else of each element.

    Each is `None` where the other form is used.
    """

    row: PyTree
    column: PyTree
    velocity: PyTree


def _rms(x: jax.Array) -> jax.Array:
    return root(jnp.mean(jnp.square(x)))


@register(MODULE)
class Adafactor(Optimizer):
    r"""Adam without its memory: no momentum, and for matrices only the row and column means of $v$.

    $v = \frac{r c^\top}{\mathrm{mean}(r)}$, $u = g / \sqrt{v}$,
    $w \leftarrow w - \max(\epsilon_2, \mathrm{rms}(w)) \min(\eta, 1/\sqrt t)\, u / \max(1, \mathrm{rms}(u)/d)$;
    the means decay by $1 - t^{\mathtt{beta\_2\_decay}}$.

    Args:
        learning_rate: $\eta$, an upper bound: a number, a schedule, or any function of the step.
        beta_2_decay: exponent of the decay, negative.
        epsilon_1: added to the squared gradients.
        epsilon_2: the smallest scale of a tensor, where its weights are near zero.
        clip_threshold: $d$, the largest root mean square of $u$.
        relative_step: kept in the config; Keras bounds the rate by $1/\sqrt t$ whatever it says, and so do we.
        weight_decay, clipnorm, …: see `Optimizer`.

    The last two dimensions are factored, whatever their size (optax's `adafactor` takes the two largest, and only
    from 128 up).

    >>> params = {"w": jnp.ones((3, 2)), "b": jnp.ones(2)}
    >>> jax.tree.map(jnp.shape, Adafactor().init(params).inner)
    AdafactorState(row={'b': None, 'w': (3,)}, column={'b': None, 'w': (2,)}, velocity={'b': (2,), 'w': None})

    References:
        Shazeer and Stern, 2018, [Adafactor](https://arxiv.org/abs/1804.04235).
    """

    learning_rate: LearningRate = 0.001
    beta_2_decay: float = -0.8
    epsilon_1: float = 1e-30
    epsilon_2: float = 1e-3
    clip_threshold: float = 1.0
    relative_step: bool = True

    _needs_params: ClassVar[bool] = True

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        t = (step + 1).astype(jnp.float32)
        keep = 1 - jnp.power(t, self.beta_2_decay)
        rate = jnp.minimum(learning_rate, 1 / jnp.sqrt(t))

        def init(params: PyTree) -> AdafactorState:
            def mean_over(axis: int) -> PyTree:
                return jax.tree.map(lambda p: jnp.zeros_like(p).mean(axis) if p.ndim >= 2 else None, params)

            return AdafactorState(
                mean_over(-1), mean_over(-2), jax.tree.map(lambda p: None if p.ndim >= 2 else jnp.zeros_like(p), params)
            )

        def average(old: jax.Array, new: jax.Array) -> jax.Array:
            return keep * old + (1 - keep) * new

        def one(g: jax.Array, w: jax.Array, row: PyTree, column: PyTree, velocity: PyTree) -> tuple[jax.Array, ...]:
            square = jnp.square(g) + self.epsilon_1
            if w.ndim >= 2:
                row, column = average(row, square.mean(-1)), average(column, square.mean(-2))
                full = (row / row.mean(-1, keepdims=True))[..., :, None] * column[..., None, :]
            else:
                full = velocity = average(velocity, square)
            u = g / jnp.sqrt(full)
            u = u / jnp.maximum(1.0, _rms(u) / self.clip_threshold)
            return -jnp.maximum(self.epsilon_2, _rms(w)) * rate * u, row, column, velocity

        def update(gradients: PyTree, state: AdafactorState, params: PyTree = None) -> tuple[PyTree, AdafactorState]:
            parts = jax.tree.map(one, gradients, params, *state)
            moves, *means = (jax.tree.map(lambda _, part, i=i: part[i], gradients, parts) for i in range(4))
            return moves, AdafactorState(*means)

        return optax.GradientTransformation(init, update)
