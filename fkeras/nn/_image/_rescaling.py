"""Values in another range."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core import Layer, field, register


@register("keras.layers")
class Rescaling(Layer):
    """`inputs * scale + offset`.

    Args:
        scale: a number, or one a channel.
        offset: likewise.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Rescaling(1 / 255)(jnp.array([0, 255]))
    Array([0., 1.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/rescaling/
    """

    scale: Any = field()
    offset: Any = 0.0

    supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        x = jnp.asarray(inputs).astype(self.compute_dtype)

        def fit(value: Any) -> jax.Array:
            value = jnp.asarray(value, x.dtype)
            return value.reshape((1,) * (x.ndim - value.ndim) + value.shape) if value.ndim else value

        return x * fit(self.scale) + fit(self.offset)
