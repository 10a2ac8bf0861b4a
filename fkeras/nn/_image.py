"""Image preprocessing."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..core import Layer, explain, field, register
from . import _arguments as arg
from ._shapes import from_last, to_last


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


@register("keras.layers")
class RandomCrop(Layer):
    """In training, a window of the given size at a random place, the same for the whole batch.

    Images smaller than the window are cut to its aspect ratio and resized. In inference images pass unchanged.

    Args:
        height, width: the window.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.RandomCrop(2, 3)
    >>> layer.apply({}, jnp.ones((1, 8, 8, 3)), training=True, rngs={"dropout": jax.random.key(0)}).shape
    (1, 2, 3, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_crop/
    As Keras 3.15 does, and unlike its documentation says, inference leaves the size alone.
    """

    height: int = arg.positive("height")
    width: int = arg.positive("width")
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    def call(self, inputs: jax.Array, training: Any = False) -> jax.Array:
        if inputs.ndim not in (3, 4):
            raise ValueError(
                explain(
                    f"{self.path_text()} needs images, of rank 3 or 4.",
                    received=f"shape {tuple(inputs.shape)}",
                    usually="the channel axis is missing.",
                    write="x[..., None]",
                )
            )
        if not training:
            return inputs
        x = inputs if inputs.ndim == 4 else inputs[None]
        x = to_last(x, self.data_format).astype(self.compute_dtype)
        x = self._random_window(x) if x.shape[1] > self.height and x.shape[2] > self.width else self._middle(x)
        x = from_last(x, self.data_format)
        return x if inputs.ndim == 4 else x[0]

    def _random_window(self, x: jax.Array) -> jax.Array:
        keys = jax.random.split(self.make_rng("dropout"))
        top = jax.random.randint(keys[0], (), 0, x.shape[1] - self.height + 1)
        left = jax.random.randint(keys[1], (), 0, x.shape[2] - self.width + 1)
        return lax.dynamic_slice(x, (0, top, left, 0), (x.shape[0], self.height, self.width, x.shape[3]))

    def _middle(self, x: jax.Array) -> jax.Array:
        """The largest window of the right aspect ratio in the middle, resized."""
        rows, columns = x.shape[1], x.shape[2]
        high = max(min(rows, int(columns * self.height / self.width)), 1)
        wide = max(min(columns, int(rows * self.width / self.height)), 1)
        top, left = (rows - high) // 2, (columns - wide) // 2
        window = x[:, top : top + self.height, left : left + self.width]
        shape = (x.shape[0], self.height, self.width, x.shape[3])
        return jax.image.resize(window, shape, "linear", antialias=False)
