"""Layers that are random in training and silent in inference."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, field, register
from . import _arguments as arg


@register("keras.layers")
class Dropout(Layer):
    """In training, numbers are zero with probability `rate`, and the others are scaled by `1 / (1 - rate)`.

    Args:
        rate: the probability, in [0, 1].
        noise_shape: the shape of the random mask, which is broadcast; `None` stands for the input's size.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Raises:
        ValueError: a rate outside [0, 1].

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.Dropout(0.5)
    >>> layer(jnp.ones(3))
    Array([1., 1., 1.], dtype=float32)
    >>> sorted(set(layer.apply({}, jnp.ones(99), training=True, rngs={"dropout": jax.random.key(0)}).tolist()))
    [0.0, 2.0]

    Reference: Srivastava et al., Dropout (2014). https://keras.io/api/layers/regularization_layers/dropout/
    """

    rate: float = field(convert=arg.fraction("rate"))
    noise_shape: Any = field(None, convert=lambda shape: None if shape is None else tuple(shape))
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: jax.Array, training: Any = False) -> jax.Array:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return jnp.zeros_like(inputs)
        shape = inputs.shape
        if self.noise_shape is not None:
            shape = tuple(s if n is None else n for s, n in zip(inputs.shape, self.noise_shape, strict=True))
        keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - self.rate, shape)
        return jnp.where(jnp.broadcast_to(keep, inputs.shape), inputs / (1 - self.rate), jnp.zeros_like(inputs))
