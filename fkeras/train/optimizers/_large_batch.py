"""Steps whose length the gradient does not decide: Lion (its sign), Lamb (the weights' norm)."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import optax

from ...core import explain, register
from ._adam import power, scale_by_adam
from ._base import MODULE, LearningRate, Optimizer


@register(MODULE)
class Lion(Optimizer):
    r"""Steps of one length: $w \leftarrow w - \eta\, \mathrm{sign}(\beta_1 m + (1-\beta_1) g)$.

    Then $m \leftarrow \beta_2 m + (1-\beta_2) g$: the step and the momentum mix differently.

    Args:
        learning_rate: a number, a schedule, or any function of the step; 3 to 10 times smaller than Adam's.
        beta_1: the share of the momentum in the step, in (0, 1].
        beta_2: decay of the momentum.
        weight_decay, clipnorm, …: see `Optimizer`.

    Raises:
        ValueError: `beta_1` outside (0, 1].

    >>> Lion(1e-4, weight_decay=1.0)
    Lion(learning_rate=0.0001, weight_decay=1.0)

    References:
        Chen et al., 2023, [Symbolic discovery of optimization algorithms](https://arxiv.org/abs/2302.06675).
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.99

    def _check(self) -> None:
        super()._check()
        if not isinstance(self.beta_1, jax.Array) and not 0 < self.beta_1 <= 1:
            raise ValueError(
                explain("Lion's beta_1 must lie in (0, 1].", received=self.beta_1, usually="0 would be SignSGD.")
            )

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        return optax.chain(optax.scale_by_lion(self.beta_1, self.beta_2), optax.scale_by_learning_rate(learning_rate))


@register(MODULE)
class Lamb(Optimizer):
    r"""Adam's step $u$, rescaled for each tensor to the norm of its weights: $w \leftarrow w - \eta \frac{|w|}{|u|} u$.

    A tensor whose weights or step are all zero is not rescaled.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: outside the root, after the bias correction (unlike `Adam`'s).
        weight_decay, clipnorm, …: see `Optimizer`; the decay is outside the ratio (optax's `lamb` has it inside).

    >>> Lamb(0.02)
    Lamb(learning_rate=0.02)

    References:
        You et al., 2020, [Large batch optimization for deep learning](https://arxiv.org/abs/1904.00962).
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    _needs_params: ClassVar[bool] = True

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        # m_hat / (sqrt(v_hat) + e) is Adam's own step with e * sqrt(1 - beta_2^t) as its epsilon
        epsilon = self.epsilon * jnp.sqrt(1 - power(self.beta_2, step + 1))
        return optax.chain(
            scale_by_adam(-1.0, step, self.beta_1, self.beta_2, epsilon),
            optax.scale_by_trust_ratio(),
            optax.scale_by_learning_rate(learning_rate),
        )
