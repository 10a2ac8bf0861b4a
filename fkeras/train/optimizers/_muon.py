"""Muon: orthogonalised momentum for matrices, Adam for everything else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...core import register
from ...core.typing import PyTree
from ._adam import power, zeros
from ._base import MODULE, LearningRate, Optimizer
from ._gradients import root
from ._paths import any_pattern_in, map_with_name


class MuonState(NamedTuple):
    """The momentum of every parameter; the second moment of those that Adam moves, `None` for the others."""

    momentum: PyTree
    velocity: PyTree


def orthogonalize(x: jax.Array, coefficients: tuple[float, float, float], steps: int) -> jax.Array:
    """Drive all singular values of a matrix towards 1 by Newton-Schulz steps of a quintic polynomial."""
    a, b, c = coefficients
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x  # the smaller Gram matrix
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


@register(MODULE)
class Muon(Optimizer):
    r"""For matrices, SGD with momentum whose step is made orthogonal; Adam for all other parameters.

    $m \leftarrow \mu m + g$, $w \leftarrow w - \eta \sqrt{\max(\mathrm{rows}, \mathrm{columns})}\, \rho\,
    \mathrm{orth}(g + \mu m)$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        adam_beta_1: first moment's decay, in Adam.
        adam_beta_2: second moment's decay, in Adam.
        adam_weight_decay: weight decay of the parameters that Adam moves.
        epsilon: Adam's.
        weight_decay: weight decay of the matrices that Muon moves.
        clipnorm, …: see `Optimizer`.
        exclude_layers: regular expressions, searched in a parameter's "/"-joined path, of what Adam shall move.
            A final dense layer is usually among them.
        exclude_embeddings: let Adam move every parameter with `embedding` in its path.
        muon_a, muon_b, muon_c: coefficients of the Newton-Schulz polynomial.
        adam_lr_ratio: Adam's learning rate as a multiple of `learning_rate`.
        momentum: $\mu$.
        ns_steps: how many Newton-Schulz steps.
        nesterov: look ahead, as written; else the step is $\mathrm{orth}(m)$.
        rms_rate: $\rho$, which gives the step the root mean square of Adam's; `None` leaves out both factors.

    >>> optimizer = Muon(exclude_layers=["head"])
    >>> params = {"body": {"kernel": jnp.ones((3, 2))}, "head": {"kernel": jnp.ones((3, 2))}}
    >>> jax.tree.map(jnp.shape, optimizer.init(params).inner.velocity)
    {'body': {'kernel': None}, 'head': {'kernel': (3, 2)}}

    References:
        Jordan et al., 2024, [Muon](https://kellerjordan.github.io/posts/muon/);
        Liu et al., 2025, [Muon is scalable for LLM training](https://arxiv.org/abs/2502.16982).
    """

    learning_rate: LearningRate = 0.001
    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_weight_decay: float | None = 0.004
    epsilon: float = 1e-7
    weight_decay: float | None = 0.004
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    use_ema: bool = False
    ema_momentum: float = 0.99
    ema_overwrite_frequency: int | None = None
    loss_scale_factor: float | None = None
    gradient_accumulation_steps: int | None = None
    name: str | None = None
    exclude_layers: Sequence[str] | None = None
    exclude_embeddings: bool = True
    muon_a: float = 3.4445
    muon_b: float = -4.7750
    muon_c: float = 2.0315
    adam_lr_ratio: float = 1
    momentum: float = 0.95
    ns_steps: int = 5
    nesterov: bool = True
    rms_rate: float | None = 0.2

    _needs_params: ClassVar[bool] = True

    def _check(self) -> None:
        super()._check()
        self.__dict__["exclude_layers"] = tuple(self.exclude_layers or ())

    def uses_adam(self, name: str, param: jax.Array) -> bool:
        """Whether Adam moves the parameter at the "/"-joined path `name`."""
        embedding = self.exclude_embeddings and "embedding" in name.lower()
        return param.ndim != 2 or embedding or any_pattern_in(self.exclude_layers or (), name)

    def decay_of(self, name: str, param: jax.Array) -> float | None:
        if any_pattern_in(self._no_decay, name):
            return None
        return self.adam_weight_decay if self.uses_adam(name, param) else self.weight_decay

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        corrections = jnp.sqrt(1 - power(self.adam_beta_2, step + 1)) / (1 - power(self.adam_beta_1, step + 1))
        alpha = learning_rate * self.adam_lr_ratio * corrections

        def init(params: PyTree) -> MuonState:
            second = map_with_name(lambda name, p: jnp.zeros_like(p) if self.uses_adam(name, p) else None, params)
            return MuonState(zeros(params), second)

        def adam(g: jax.Array, m: jax.Array, v: jax.Array) -> tuple[jax.Array, ...]:
            m = m + (g - m) * (1 - self.adam_beta_1)
            v = v + (jnp.square(g) - v) * (1 - self.adam_beta_2)
            return -m * alpha / (root(v) + self.epsilon), m, v

        def muon(g: jax.Array, m: jax.Array) -> tuple[jax.Array, jax.Array, None]:
            m = m + (g + m * (self.momentum - 1))
            ahead = g + self.momentum * m if self.nesterov else m
            move = learning_rate * orthogonalize(ahead, (self.muon_a, self.muon_b, self.muon_c), self.ns_steps)
            if self.rms_rate is not None:
                move = move * math.sqrt(max(g.shape)) * self.rms_rate
            return -move, m, None

        def update(gradients: PyTree, state: MuonState, params: PyTree = None) -> tuple[PyTree, MuonState]:
            parts = jax.tree.map(lambda g, m, v: muon(g, m) if v is None else adam(g, m, v), gradients, *state)
            moves, *moments = (jax.tree.map(lambda _, part, i=i: part[i], gradients, parts) for i in range(3))
            return moves, MuonState(*moments)

        return optax.GradientTransformation(init, update)
