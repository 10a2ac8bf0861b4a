"""Values in another range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import jax.numpy as jnp

from ...core import Layer, field, register
from ...core.typing import Array, ArrayLike, Float, Num

#: A number, or a number for each channel.
PerChannel: TypeAlias = ArrayLike | Sequence[float]


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

    scale: PerChannel = field()
    offset: PerChannel = 0.0

    supports_masking = True

    def call(self, inputs: Num[ArrayLike, "batch ..."]) -> Float[Array, "batch ..."]:
        x = jnp.asarray(inputs).astype(self.compute_dtype)

        def fit(value: PerChannel) -> Array:
            value = jnp.asarray(value, x.dtype)
            return value.reshape((1,) * (x.ndim - value.ndim) + value.shape) if value.ndim else value

        return x * fit(self.scale) + fit(self.offset)
