"""Follow the regularized leader."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...core import explain, register
from ...core.typing import PyTree
from ._adam import zeros
from ._base import MODULE, LearningRate, Optimizer
from ._per_weight import per_weight


class FtrlState(NamedTuple):
    """The sum of squared gradients and the linear term of the objective."""

    accumulator: PyTree
    linear: PyTree


@register(MODULE)
class Ftrl(Optimizer):
    r"""Solve for the weights that would have been best so far, under L1 and L2 penalties: many become exactly zero.

    With $n \leftarrow a + g^2$ and $\sigma = (n^{-p} - a^{-p}) / \eta$:
    $z \leftarrow z + g + 2 \lambda_s w - \sigma w$,
    $w \leftarrow \frac{\mathrm{clip}(z, -\lambda_1, \lambda_1) - z}{n^{-p}/\eta + 2 \lambda_2 + \beta/\eta}$.

    Args:
        learning_rate: $\eta$: a number, a schedule, or any function of the step.
        learning_rate_power: $p \le 0$; 0 keeps the step size fixed.
        initial_accumulator_value: $a$ at the start.
        l1_regularization_strength: $\lambda_1$.
        l2_regularization_strength: $\lambda_2$.
        l2_shrinkage_regularization_strength: $\lambda_s$, a penalty on the gradient's side only.
        beta: $\beta$ of the paper.
        weight_decay, clipnorm, …: see `Optimizer`.

    Raises:
        ValueError: a negative strength or accumulator, or a positive power.

    >>> optimizer = Ftrl(1.0, l1_regularization_strength=10.0)
    >>> params = {"w": jnp.array([1.0, -1.0])}
    >>> updates, state = optimizer.update({"w": jnp.array([0.1, 0.2])}, optimizer.init(params), params)
    >>> optax.apply_updates(params, updates)["w"] == 0
    Array([ True,  True], dtype=bool)

    References:
        McMahan et al., 2013, [Ad click prediction](https://research.google.com/pubs/archive/41159.pdf).
    """

    learning_rate: LearningRate = 0.001
    learning_rate_power: float = -0.5
    initial_accumulator_value: float = 0.1
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    l2_shrinkage_regularization_strength: float = 0.0
    beta: float = 0.0

    _needs_params: ClassVar[bool] = True
    _fixed: ClassVar[tuple[str, ...]] = (*Optimizer._fixed, "initial_accumulator_value")

    def _check(self) -> None:
        super()._check()
        if not isinstance(self.learning_rate_power, jax.Array) and self.learning_rate_power > 0:
            raise ValueError(
                explain("Ftrl's learning_rate_power must be negative or zero.", received=self.learning_rate_power)
            )
        for name in (
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
        ):
            if not isinstance(getattr(self, name), jax.Array) and getattr(self, name) < 0:
                raise ValueError(explain(f"Ftrl's {name} must be positive or zero.", received=getattr(self, name)))

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        l1 = self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrinkage = 2 * self.l2_shrinkage_regularization_strength

        def init(params: PyTree) -> FtrlState:
            start = per_weight(lambda p: jnp.full_like(p, self.initial_accumulator_value), params)
            return FtrlState(start, zeros(params))

        def update(gradients: PyTree, state: FtrlState, params: PyTree = None) -> tuple[PyTree, FtrlState]:
            raised = lambda n: jnp.power(n, -self.learning_rate_power)  # noqa: E731
            squares = per_weight(lambda a, g: a + jnp.square(g), state.accumulator, gradients)
            linear = per_weight(
                lambda z, g, w, n, a: z + (g + shrinkage * w - (raised(n) - raised(a)) / learning_rate * w),
                *(state.linear, gradients, params, squares, state.accumulator),
            )
            moves = per_weight(
                lambda z, n, w: (jnp.clip(z, -l1, l1) - z) / (raised(n) / learning_rate + 2 * l2) - w,
                *(linear, squares, params),
            )
            return moves, FtrlState(squares, linear)

        return optax.GradientTransformation(init, update)
