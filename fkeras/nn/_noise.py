"""Noise in training, and a penalty on outputs."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from ..core.typing import Array, Config, Num, Training
from . import _arguments as arg
from . import regularizers
from ._stochastic import mask_shape, noise_shape_of


def _below_one(value: object) -> int | float:
    """A converter: a rate in [0, 1)."""
    rate = arg.fraction("rate")(value)
    if rate == 1:
        raise ValueError(
            explain("`rate` must be below 1: nothing would be left to scale up.", received="rate=1", write="rate=0.5")
        )
    return rate


@register("keras.layers")
class GaussianNoise(Layer):
    """In training, `inputs + stddev * normal noise`.

    Args:
        stddev: the noise's standard deviation, in [0, 1].
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Raises:
        ValueError: a deviation outside [0, 1].

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.GaussianNoise(0.1)(jnp.ones(2))
    Array([1., 1.], dtype=float32)

    Reference: https://keras.io/api/layers/regularization_layers/gaussian_noise/
    """

    stddev: float = field(convert=arg.fraction("stddev"))
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"], training: Training = False) -> Num[Array, "*shape"]:
        if not training or self.stddev == 0:
            return inputs
        return inputs + self.stddev * jax.random.normal(self.make_rng("dropout"), inputs.shape, inputs.dtype)


@register("keras.layers")
class GaussianDropout(Layer):
    """In training, `inputs * noise` with normal noise of mean 1 and deviation `sqrt(rate / (1 - rate))`.

    Args:
        rate: the dropout rate whose variance the noise has, in [0, 1).
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Raises:
        ValueError: a rate outside [0, 1).

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.GaussianDropout(0.5)(jnp.ones(2))
    Array([1., 1.], dtype=float32)

    Reference: Srivastava et al., Dropout (2014). https://keras.io/api/layers/regularization_layers/gaussian_dropout/
    """

    rate: float = field(convert=_below_one)
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"], training: Training = False) -> Num[Array, "*shape"]:
        if not training or self.rate == 0:
            return inputs
        deviation = (self.rate / (1 - self.rate)) ** 0.5
        return inputs * (1 + deviation * jax.random.normal(self.make_rng("dropout"), inputs.shape, inputs.dtype))


# SELU's output tends to -scale * alpha for large negative inputs.
_SELU_FLOOR = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


@register("keras.layers")
class AlphaDropout(Layer):
    """Dropout that keeps the mean and variance of SELU's outputs.

    Dropped numbers become SELU's floor `f`; then `a x + b` restores mean 0 and variance 1:
    `a = ((1 - rate) (1 + rate f^2))^(-1/2)`, `b = -a f rate`.

    Args:
        rate: the probability, in [0, 1).
        noise_shape: the shape of the random mask, which is broadcast; `None` stands for the input's size.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Raises:
        ValueError: a rate outside [0, 1).

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.AlphaDropout(0.5)(jnp.ones(2))
    Array([1., 1.], dtype=float32)

    Reference: Klambauer et al., arXiv:1706.02515. https://keras.io/api/layers/regularization_layers/alpha_dropout/
    """

    rate: float = field(convert=_below_one)
    noise_shape: Sequence[int | None] | None = field(None, convert=noise_shape_of)
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"], training: Training = False) -> Num[Array, "*shape"]:
        if not training or self.rate == 0:
            return inputs
        shape = mask_shape(self, inputs, self.noise_shape)
        keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - self.rate, shape)
        a = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        b = -a * _SELU_FLOOR * self.rate
        return a * jnp.where(jnp.broadcast_to(keep, inputs.shape), inputs, _SELU_FLOOR) + b


@register("keras.layers")
class ActivityRegularization(Layer):
    """The input as it is, with `l1 * sum|x| + l2 * sum x^2`, divided by the batch size, added to the loss.

    Args:
        l1, l2: the two factors.

    Raises:
        ValueError: a negative factor.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.ActivityRegularization(l1=0.5).apply({}, jnp.ones((2, 3)), mutable=["losses"])[1]["losses"]
    {'loss': (Array(1.5, dtype=float32),)}

    Reference: https://keras.io/api/layers/regularization_layers/activity_regularization/
    """

    l1: float = 0.0
    l2: float = 0.0

    supports_masking = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "activity_regularizer", regularizers.L1L2(self.l1, self.l2))
        super().__post_init__()

    def call(self, inputs: Num[Array, "*shape"]) -> Num[Array, "*shape"]:
        return inputs

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "activity_regularizer"}
