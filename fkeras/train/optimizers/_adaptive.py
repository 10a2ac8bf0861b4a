"""Step sizes from accumulated squares: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import ClassVar

import jax
import optax

from ...core import register
from ._base import MODULE, LearningRate, Optimizer


@register(MODULE)
class RMSprop(Optimizer):
    r"""Divide by a moving root mean square of the gradient.

    $v \leftarrow \rho v + (1-\rho) g^2$, $w \leftarrow w - \eta g / \sqrt{v + \epsilon}$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        rho: decay of the mean square $v$.
        momentum: decay of a velocity over the steps above; the learning rate is inside it.
        epsilon: inside the root.
        centered: take the squared mean of the gradient off $v$, which leaves its variance.
        weight_decay, clipnorm, …: see `Optimizer`.

    >>> RMSprop(momentum=0.9)
    RMSprop(learning_rate=0.001, momentum=0.9)

    References:
        Hinton, 2012, [Lecture 6e](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf).
    """

    learning_rate: LearningRate = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        scale = optax.scale_by_stddev if self.centered else optax.scale_by_rms
        parts = [scale(self.rho, self.epsilon, eps_in_sqrt=True), optax.scale_by_learning_rate(learning_rate)]
        has_momentum = not isinstance(self.momentum, float | int) or self.momentum > 0
        return optax.chain(*parts, *([optax.trace(self.momentum)] if has_momentum else []))


@register(MODULE)
class Adagrad(Optimizer):
    r"""Divide by the root of the sum of all squares so far.

    $a \leftarrow a + g^2$, $w \leftarrow w - \eta g / \sqrt{a + \epsilon}$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        initial_accumulator_value: $a$ at the start.
        epsilon: inside the root.
        weight_decay, clipnorm, …: see `Optimizer`.

    >>> Adagrad(0.1)
    Adagrad(learning_rate=0.1)

    References:
        Duchi et al., 2011, [Adaptive subgradient methods](https://jmlr.org/papers/v12/duchi11a.html).
    """

    learning_rate: LearningRate = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    _fixed: ClassVar[tuple[str, ...]] = (*Optimizer._fixed, "initial_accumulator_value")

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        return optax.chain(
            optax.scale_by_rss(self.initial_accumulator_value, self.epsilon),
            optax.scale_by_learning_rate(learning_rate),
        )


@register(MODULE)
class Adadelta(Optimizer):
    r"""Steps in the unit of the weights: past steps over past gradients.

    $\Delta = \sqrt{\frac{E[\Delta^2] + \epsilon}{E[g^2] + \epsilon}}\, g$, $w \leftarrow w - \eta \Delta$,
    both means moving.

    Args:
        learning_rate: a number, a schedule, or any function of the step; the paper's is 1.0.
        rho: decay of both means.
        epsilon: inside both roots.
        weight_decay, clipnorm, …: see `Optimizer`.

    >>> Adadelta(1.0)
    Adadelta(learning_rate=1.0)

    References:
        Zeiler, 2012, [ADADELTA](https://arxiv.org/abs/1212.5701).
    """

    learning_rate: LearningRate = 0.001
    rho: float = 0.95
    epsilon: float = 1e-7

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        return optax.chain(optax.scale_by_adadelta(self.rho, self.epsilon), optax.scale_by_learning_rate(learning_rate))
