"""Adam and its relatives: AdamW, Adamax, Nadam."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...core import explain, register
from ...core.typing import ArrayLike, PyTree
from ._base import MODULE, LearningRate, Optimizer
from ._gradients import root
from ._per_weight import per_weight


def zeros(params: PyTree) -> PyTree:
    """A slot for each parameter, of its shape and dtype."""
    return per_weight(jnp.zeros_like, params)


def toward(average: PyTree, values: PyTree, rate: ArrayLike) -> PyTree:
    """Move each average to its value: `average + (value - average) * rate`."""
    return per_weight(lambda a, v: a + (v - a) * rate, average, values)


def toward_square(average: PyTree, values: PyTree, rate: ArrayLike) -> PyTree:
    """Move each average to its value's square."""
    return per_weight(lambda a, v: a + (jnp.square(v) - a) * rate, average, values)


def power(base: float, exponent: jax.Array) -> jax.Array:
    """`base ** exponent` in float32, where Keras computes it."""
    return jnp.power(jnp.float32(base), exponent.astype(jnp.float32))


class AdamState(NamedTuple):
    """First and second moments; `velocity_hat`, the largest second moment so far, only with amsgrad."""

    momentum: PyTree
    velocity: PyTree
    velocity_hat: PyTree = None


def scale_by_adam(
    learning_rate: ArrayLike, step: jax.Array, beta_1: float, beta_2: float, epsilon: ArrayLike, amsgrad: bool = False
) -> optax.GradientTransformation:
    """Adam as its paper's section 2 ends: bias corrections folded into the step size, epsilon outside them.

    optax's `scale_by_adam` corrects first and adds epsilon then, and its amsgrad takes the largest *corrected*
    moment: other numbers, by more the larger epsilon is.
    """

    def init(params: PyTree) -> AdamState:
        return AdamState(zeros(params), zeros(params), zeros(params) if amsgrad else None)

    def update(gradients: PyTree, state: AdamState, params: PyTree = None) -> tuple[PyTree, AdamState]:
        alpha = learning_rate * jnp.sqrt(1 - power(beta_2, step + 1)) / (1 - power(beta_1, step + 1))

        def move(g: jax.Array, m: jax.Array, v: jax.Array, *largest: jax.Array) -> tuple[jax.Array, ...]:
            m = m + (g - m) * (1 - beta_1)
            v = v + (jnp.square(g) - v) * (1 - beta_2)
            largest = tuple(jnp.maximum(past, v) for past in largest)
            return -m * alpha / (root(*largest or (v,)) + epsilon), m, v, *largest

        slots = [slot for slot in state if slot is not None]
        moved = per_weight(move, gradients, *slots)
        moves, *slots = (jax.tree.map(lambda _, part, i=i: part[i], gradients, moved) for i in range(1 + len(slots)))
        return moves, AdamState(*slots)

    return optax.GradientTransformation(init, update)


@register(MODULE)
class Adam(Optimizer):
    r"""Adam: steps from the first and second moments of the gradient.

    $m \leftarrow \beta_1 m + (1-\beta_1) g$, $v \leftarrow \beta_2 v + (1-\beta_2) g^2$,
    $w \leftarrow w - \eta \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t} \frac{m}{\sqrt{v} + \hat\epsilon}$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: $\hat\epsilon$ of the paper's section 2, outside the bias correction.
        amsgrad: divide by the largest $v$ so far.
        weight_decay, clipnorm, …: see `Optimizer`; the decay is decoupled here too.

    >>> params = {"w": jnp.array([1.0, 2.0])}
    >>> optimizer = Adam(0.1)
    >>> state = optimizer.init(params)
    >>> updates, state = optimizer.update({"w": jnp.array([4.0, -1.0])}, state, params)
    >>> jnp.round(updates["w"], 3)
    Array([-0.1,  0.1], dtype=float32)
    >>> jax.tree.map(jnp.shape, state.inner)
    AdamState(momentum={'w': (2,)}, velocity={'w': (2,)}, velocity_hat=None)

    References:
        Kingma and Ba, 2015, [Adam](https://arxiv.org/abs/1412.6980);
        Reddi et al., 2018, [On the convergence of Adam and beyond](https://openreview.net/forum?id=ryQu7f-RZ).
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        return scale_by_adam(learning_rate, step, self.beta_1, self.beta_2, self.epsilon, self.amsgrad)


@register(MODULE)
class AdamW(Adam):
    r"""Adam with weight decay: first $w \leftarrow w - \eta \lambda w$, then Adam's step.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        weight_decay: $\lambda$; applied to every parameter, see `exclude_from_weight_decay`.
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        clipnorm, …: see `Optimizer`.

    Raises:
        ValueError: `weight_decay` is `None`.

    >>> AdamW(1e-3).exclude_from_weight_decay(["bias", "scale"])
    AdamW(learning_rate=0.001).exclude_from_weight_decay(['bias', 'scale'])

    References:
        Loshchilov and Hutter, 2019, [Decoupled weight decay regularization](https://arxiv.org/abs/1711.05101).
    """

    weight_decay: float | None = 0.004

    _own: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay", "beta_1", "beta_2", "epsilon", "amsgrad")

    def _check(self) -> None:
        super()._check()
        if self.weight_decay is None:
            raise ValueError(explain("AdamW needs a weight_decay.", received=None, write="Adam(...)   # for none"))


class AdamaxState(NamedTuple):
    """The first moment and the decayed largest magnitude."""

    momentum: PyTree
    norm: PyTree


@register(MODULE)
class Adamax(Optimizer):
    r"""Adam with the infinity norm in place of the second moment.

    $u \leftarrow \max(\beta_2 u, |g|)$, $w \leftarrow w - \frac{\eta}{1-\beta_1^t} \frac{m}{u + \epsilon}$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        beta_1: decay of the first moment $m$.
        beta_2: decay of the norm $u$.
        epsilon: added to $u$ (optax's `adamax` adds it inside the maximum).
        weight_decay, clipnorm, …: see `Optimizer`.

    >>> Adamax(beta_2=0.9)
    Adamax(learning_rate=0.001, beta_2=0.9)

    References:
        Kingma and Ba, 2015, [Adam, section 7.1](https://arxiv.org/abs/1412.6980).
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        def init(params: PyTree) -> AdamaxState:
            return AdamaxState(zeros(params), zeros(params))

        def update(gradients: PyTree, state: AdamaxState, params: PyTree = None) -> tuple[PyTree, AdamaxState]:
            momentum = toward(state.momentum, gradients, 1 - self.beta_1)
            norm = per_weight(lambda u, g: jnp.maximum(self.beta_2 * u, jnp.abs(g)), state.norm, gradients)
            correction = 1 - power(self.beta_1, step + 1)
            moves = per_weight(lambda m, u: -learning_rate * m / (correction * (u + self.epsilon)), momentum, norm)
            return moves, AdamaxState(momentum, norm)

        return optax.GradientTransformation(init, update)


class NadamState(NamedTuple):
    """Both moments, and the product of the momentum schedule so far."""

    momentum: PyTree
    velocity: PyTree
    u_product: jax.Array


@register(MODULE)
class Nadam(Optimizer):
    r"""Adam with Nesterov momentum on a schedule: $\mu_t = \beta_1 (1 - \tfrac12 \cdot 0.96^t)$.

    $\hat m = \frac{\mu_{t+1} m}{1 - \prod_{i \le t+1} \mu_i} + \frac{(1 - \mu_t) g}{1 - \prod_{i \le t} \mu_i}$,
    $w \leftarrow w - \eta\, \hat m / (\sqrt{v / (1 - \beta_2^t)} + \epsilon)$.

    Args:
        learning_rate: a number, a schedule, or any function of the step.
        beta_1: the limit of $\mu_t$, and the decay of the first moment $m$.
        beta_2: decay of the second moment $v$.
        epsilon: outside the root and the bias correction.
        weight_decay, clipnorm, …: see `Optimizer`.

    optax's `nadam` has no schedule for $\mu$.

    >>> Nadam(0.002)
    Nadam(learning_rate=0.002)

    References:
        Dozat, 2015, [Incorporating Nesterov momentum into Adam](https://cs229.stanford.edu/proj2015/054_report.pdf).
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        def schedule(t: jax.Array) -> jax.Array:
            return self.beta_1 * (1.0 - 0.5 * power(0.96, t))

        def init(params: PyTree) -> NadamState:
            return NadamState(zeros(params), zeros(params), jnp.ones((), jnp.float32))

        def update(gradients: PyTree, state: NadamState, params: PyTree = None) -> tuple[PyTree, NadamState]:
            now, ahead = schedule(step + 1), schedule(step + 2)
            product = state.u_product * now
            momentum = toward(state.momentum, gradients, 1 - self.beta_1)
            velocity = toward_square(state.velocity, gradients, 1 - self.beta_2)
            correction = 1 - power(self.beta_2, step + 1)

            def move(g: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
                m_hat = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
                return -learning_rate * m_hat / (root(v / correction) + self.epsilon)

            return per_weight(move, gradients, momentum, velocity), NadamState(momentum, velocity, product)

        return optax.GradientTransformation(init, update)
