"""Learning-rate schedules: Keras's names and numbers as frozen functions of the step.

A schedule is a value: hashable, comparable, with a config, and a pure function `step -> float32`. Any
optimizer takes one as its `learning_rate`, and so does any optax transformation that takes an optax schedule.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Sequence

import jax
import jax.numpy as jnp
import optax

from ...core import Configured, explain, register
from ...core import deserialize as _deserialize
from ...core import get as _get
from ...core import serialize_object as _serialize_object
from ...core.typing import ArrayLike, Config, CustomObjects, Spec
from ..losses._exact_key import exact_key

MODULE = "keras.optimizers.schedules"

Step = int | float | jax.Array


class LearningRateSchedule(Configured):
    """What all schedules are: override `__call__(self, step)` to write your own.

    A frozen dataclass gets its config from its fields; any other class writes `get_config` itself.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Halving(LearningRateSchedule):
    ...     start: float = 1.0
    ...     def __call__(self, step):
    ...         return self.start * 0.5**step
    >>> Halving()(3), Halving().get_config()
    (0.125, {'start': 1.0})
    """

    def __call__(self, step: Step) -> jax.Array:
        """The learning rate at `step`, the number of updates made so far.

        Raises:
            NotImplementedError: in a class that does not override it.
        """
        raise NotImplementedError(
            explain(
                f"The learning rate schedule {type(self).__name__} has no __call__ method.",
                write="def __call__(self, step): ...   # the learning rate at that step",
            )
        )

    def get_config(self) -> Config:
        """The constructor's arguments as JSON values.

        Raises:
            NotImplementedError: in a class that is no dataclass and does not override it.
        """
        if not dataclasses.is_dataclass(self):
            raise NotImplementedError(
                explain(
                    f"The learning rate schedule {type(self).__name__} has no get_config method.",
                    usually="a schedule of your own is being saved.",
                    write="def get_config(self): return {...}   # or make the class a frozen dataclass",
                )
            )
        return super().get_config()

    def _key(self) -> Hashable:
        return (type(self), exact_key(vars(self)))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, LearningRateSchedule) and self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())


register(MODULE)(LearningRateSchedule)


def _float(value: ArrayLike | Sequence[float]) -> jax.Array:
    return jnp.asarray(value, jnp.float32)


def _positive(schedule: LearningRateSchedule, argument: str) -> None:
    value = getattr(schedule, argument)
    if value <= 0:
        raise ValueError(
            explain(f"{type(schedule).__name__} needs a positive {argument}.", received=f"{argument}={value}")
        )


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class ExponentialDecay(LearningRateSchedule):
    r"""Decay by a constant factor per `decay_steps`: $\eta_t = \eta_0 \, r^{t/T}$.

    Args:
        initial_learning_rate: $\eta_0$.
        decay_steps: $T$, in optimizer steps.
        decay_rate: $r$.
        staircase: round $t/T$ down, so that the rate falls in steps.
        name: kept in the config.

    Raises:
        ValueError: `decay_steps` is not positive.

    >>> ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)(20)
    Array(0.25, dtype=float32)
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False
    name: str | None = "ExponentialDecay"

    def __post_init__(self) -> None:
        _positive(self, "decay_steps")

    def __call__(self, step: Step) -> jax.Array:
        # not optax.exponential_decay: it is constant for decay_rate 0 and holds the first value before its start
        periods = _float(step) / self.decay_steps
        periods = jnp.floor(periods) if self.staircase else periods
        return self.initial_learning_rate * jnp.power(_float(self.decay_rate), periods)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class InverseTimeDecay(LearningRateSchedule):
    r"""Decay with the inverse of time: $\eta_t = \eta_0 / (1 + r \, t/T)$.

    Args:
        initial_learning_rate: $\eta_0$.
        decay_steps: $T$, in optimizer steps.
        decay_rate: $r$.
        staircase: round $t/T$ down.
        name: kept in the config.

    Raises:
        ValueError: `decay_steps` is not positive.

    >>> InverseTimeDecay(1.0, decay_steps=10, decay_rate=1.0)(30)
    Array(0.25, dtype=float32)
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False
    name: str | None = "InverseTimeDecay"

    def __post_init__(self) -> None:
        _positive(self, "decay_steps")

    def __call__(self, step: Step) -> jax.Array:
        periods = _float(step) / self.decay_steps
        periods = jnp.floor(periods) if self.staircase else periods
        return self.initial_learning_rate / (1 + self.decay_rate * periods)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class PiecewiseConstantDecay(LearningRateSchedule):
    """One value up to and including each boundary: `values[i]` while `boundaries[i-1] < step <= boundaries[i]`.

    Args:
        boundaries: increasing steps.
        values: one more than the boundaries.
        name: kept in the config.

    Raises:
        ValueError: `values` is not one longer than `boundaries`.

    optax's `piecewise_constant_schedule` already has the new value at the boundary itself; this holds the old
    one there, as Keras does.

    >>> [float(PiecewiseConstantDecay([2], [1.0, 0.5])(step)) for step in (1, 2, 3)]
    [1.0, 1.0, 0.5]
    """

    boundaries: Sequence[float]
    values: Sequence[float]
    name: str | None = "PiecewiseConstant"

    def __post_init__(self) -> None:
        for part in ("boundaries", "values"):  # lists do not hash
            object.__setattr__(self, part, tuple(getattr(self, part)))
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(
                explain(
                    "PiecewiseConstantDecay needs one value more than boundaries.",
                    received=f"{len(self.boundaries)} boundaries and {len(self.values)} values",
                    write="PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])",
                )
            )

    def __call__(self, step: Step) -> jax.Array:
        step = jnp.asarray(step)
        passed = [(step > jnp.asarray(boundary, step.dtype)).astype(jnp.int32) for boundary in self.boundaries]
        return _float(self.values)[sum(passed, jnp.zeros((), jnp.int32))]


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class PolynomialDecay(LearningRateSchedule):
    r"""Decay to an end value along a power of the time left: $(\eta_0 - \eta_T)(1 - t/T)^p + \eta_T$.

    Args:
        initial_learning_rate: $\eta_0$.
        decay_steps: $T$, in optimizer steps; the rate stays at $\eta_T$ afterwards.
        end_learning_rate: $\eta_T$.
        power: $p$; 1 is linear.
        cycle: instead of staying, start again with the next multiple of `decay_steps` that is not below $t$.
        name: kept in the config.

    Raises:
        ValueError: `decay_steps` is not positive.

    >>> PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5)
    Array(0.5, dtype=float32)
    """

    initial_learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str | None = "PolynomialDecay"

    def __post_init__(self) -> None:
        _positive(self, "decay_steps")

    def __call__(self, step: Step) -> jax.Array:
        step, total = _float(step), _float(self.decay_steps)
        if self.cycle:
            total = total * jnp.where(step == 0, 1.0, jnp.ceil(step / total))
        left = 1 - jnp.minimum(step, total) / total
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CosineDecay(LearningRateSchedule):
    r"""Decay along half a cosine, after an optional linear warm-up.

    $\eta_t = \eta \left((1-\alpha)\,\tfrac12(1+\cos(\pi t/T)) + \alpha\right)$, where $\eta$ is `warmup_target`,
    or `initial_learning_rate` where there is no warm-up, and $t$ counts from the end of the warm-up.

    Args:
        initial_learning_rate: where the warm-up, or else the decay, begins.
        decay_steps: $T$, in optimizer steps, the warm-up **not** included (optax includes it).
        alpha: the last rate, as a fraction of the peak.
        name: kept in the config.
        warmup_target: the peak; `None` for no warm-up.
        warmup_steps: how long the warm-up takes.

    Raises:
        ValueError: `decay_steps` is not positive.

    >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=4)
    >>> [round(float(schedule(step)), 3) for step in (0, 2, 4, 9, 14)]
    [0.0, 0.5, 1.0, 0.5, 0.0]

    References:
        Loshchilov and Hutter, 2017, [SGDR](https://arxiv.org/abs/1608.03983);
        Goyal et al., 2017, [Accurate, large minibatch SGD](https://arxiv.org/abs/1706.02677).
    """

    initial_learning_rate: float
    decay_steps: int
    alpha: float = 0.0
    name: str | None = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        _positive(self, "decay_steps")

    def __call__(self, step: Step) -> jax.Array:
        if self.warmup_target is None:
            return optax.cosine_decay_schedule(self.initial_learning_rate, self.decay_steps, self.alpha)(_float(step))
        after = jnp.maximum(_float(step) - self.warmup_steps, 0)
        decayed = optax.cosine_decay_schedule(self.warmup_target, self.decay_steps, self.alpha)(after)
        if not self.warmup_steps:
            return decayed
        rise = (self.warmup_target - self.initial_learning_rate) * (_float(step) / self.warmup_steps)
        return jnp.where(_float(step) < self.warmup_steps, rise + self.initial_learning_rate, decayed)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CosineDecayRestarts(LearningRateSchedule):
    r"""Cosine decay that starts again: each period is `t_mul` times longer, its peak `m_mul` times lower.

    In period $i$, begun at $T \sum_{j<i} t^j$:
    $\eta_0 \left((1-\alpha)\, m^i\, \tfrac12(1+\cos(\pi c)) + \alpha\right)$, $c$ the completed fraction.

    Args:
        initial_learning_rate: $\eta_0$.
        first_decay_steps: $T$, the length of the first period.
        t_mul: $t$, at least 1.
        m_mul: $m$.
        alpha: the floor, as a fraction of `initial_learning_rate`.
        name: kept in the config.

    Raises:
        ValueError: `first_decay_steps` is not positive.

    At a step that begins a period, `log` may round to either side of it; the JAX and the Keras number then
    agree because both take the same `log`.

    >>> schedule = CosineDecayRestarts(1.0, first_decay_steps=10, m_mul=0.5)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 11, 20)]
    [1.0, 0.5, 0.497, 0.25]

    References:
        Loshchilov and Hutter, 2017, [SGDR](https://arxiv.org/abs/1608.03983).
    """

    initial_learning_rate: float
    first_decay_steps: int
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str | None = "SGDRDecay"

    def __post_init__(self) -> None:
        _positive(self, "first_decay_steps")

    def __call__(self, step: Step) -> jax.Array:
        passed = _float(step) / self.first_decay_steps
        if self.t_mul == 1:
            period = jnp.floor(passed)
            fraction = passed - period
        else:
            growth = _float(self.t_mul)
            # passed >= (growth^i - 1) / (growth - 1)  <=>  i <= log_growth(1 - passed * (1 - growth))
            period = jnp.floor(jnp.log(1.0 - passed * (1.0 - growth)) / jnp.log(growth))
            begun = (1.0 - growth**period) / (1.0 - growth)
            fraction = (passed - begun) / growth**period
        cosine = 0.5 * _float(self.m_mul) ** period * (1.0 + jnp.cos(math.pi * fraction))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)


def serialize(learning_rate_schedule: LearningRateSchedule) -> Config:
    """The schedule as Keras's JSON form.

    >>> serialize(ExponentialDecay(0.1, 10, 0.5))["class_name"]
    'ExponentialDecay'
    """
    return _serialize_object(learning_rate_schedule)


def deserialize(config: Config, custom_objects: CustomObjects | None = None) -> LearningRateSchedule:
    """The schedule that `serialize`, or Keras, described.

    Args:
        config: `{"class_name": …, "config": {…}}`.
        custom_objects: the user's own classes by name.

    Returns:
        A `LearningRateSchedule`.

    Raises:
        ValueError: an unknown class.
    """
    return _deserialize(config, custom_objects, (MODULE,))


def get(
    identifier: Spec | LearningRateSchedule, custom_objects: CustomObjects | None = None
) -> Callable[[Step], ArrayLike] | None:
    """A schedule from its config; a schedule or any other function of the step comes back as it is."""
    return _get(MODULE, identifier, custom_objects)
