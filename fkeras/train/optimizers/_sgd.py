"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

import jax
import optax

from ...core import explain, register
from ._base import MODULE, LearningRate, Optimizer


@register(MODULE)
class SGD(Optimizer):
    r"""Gradient descent: $w \leftarrow w - \eta g$; with momentum, $v \leftarrow \mu v - \eta g$, $w \leftarrow w + v$.

    The learning rate is inside the velocity, so after a change of rate the old velocity keeps the old rate
    (optax's `sgd` scales the whole velocity by the new one).

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        momentum: $\mu$ in [0, 1]; 0 keeps no velocity.
        nesterov: look ahead: $w \leftarrow w + \mu v - \eta g$.
        weight_decay, clipnorm, …: see `Optimizer`.

    Raises:
        ValueError: `momentum` outside [0, 1].

    >>> import jax.numpy as jnp
    >>> optimizer = SGD(0.5, momentum=0.9)
    >>> params = {"w": jnp.array([1.0, 2.0])}
    >>> state = optimizer.init(params)
    >>> updates, state = optimizer.update({"w": jnp.array([1.0, -1.0])}, state, params)
    >>> updates["w"]
    Array([-0.5,  0.5], dtype=float32)

    References:
        Sutskever et al., 2013, [On the importance of initialization and momentum](https://proceedings.mlr.press/v28/sutskever13.html).
    """

    learning_rate: LearningRate = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def _check(self) -> None:
        super()._check()
        if not isinstance(self.momentum, jax.Array) and not 0 <= self.momentum <= 1:
            raise ValueError(explain("SGD's momentum must lie in [0, 1].", received=self.momentum))

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        descent = optax.scale_by_learning_rate(learning_rate)
        if isinstance(self.momentum, float | int) and self.momentum == 0:
            return descent
        return optax.chain(descent, optax.trace(self.momentum, self.nesterov))
