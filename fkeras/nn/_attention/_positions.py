"""Layers that tell positions: by rotation, and by a vector that is learnt for each."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import Layer, explain, register
from ...core.typing import Array, Float, Int
from .. import _arguments as arg
from .._shapes import known_axis
from ._cache import cache_positions


@register("keras_hub.layers")
class RotaryEmbedding(Layer):
    """Turns pairs of features by an angle that grows with the position, so that scores depend on distances.

    `(a, b) -> (a cos(t f) - b sin(t f), b cos(t f) + a sin(t f))` at position `t`, for feature `i` of the first half
    and its partner in the second, with the frequency `f = max_wavelength ** (-2 i / features) / scaling_factor`.

    Args:
        max_wavelength: of the slowest pair, over 2π.
        scaling_factor: positions are divided by it.
        sequence_axis: the axis of time.
        feature_axis: the axis of the features, of even size.

    Call arguments: `inputs`; `start_index`, the position of the first (`None`: 0, or with a cache the position in it);
    `positions`, `(time,)` or `(batch, time)`, in its place.

    Input shape: any with a batch, time and features, queries `(batch, time, heads, size)` most of all. Output shape:
    the same.

    Raises:
        ValueError: an odd number of features.

    >>> import fkeras as fk, jax.numpy as jnp, numpy as np
    >>> x = jnp.ones((1, 2, 2))
    >>> np.asarray(fk.nn.RotaryEmbedding()(x)[0]).round(3)
    array([[ 1.   ,  1.   ],
           [-0.301,  1.382]], dtype=float32)

    Reference: Su et al., arXiv:2104.09864, with the partners half the features apart, as in GPT-NeoX and Llama.
    https://keras.io/keras_hub/api/modeling_layers/rotary_embedding/
    KerasHub's layer; unlike there it knows the position of a cache.
    """

    max_wavelength: float = 10000
    scaling_factor: float = 1.0
    sequence_axis: int = 1
    feature_axis: int = -1

    supports_masking = True

    def call(
        self,
        inputs: Float[Array, "batch ... _"],
        start_index: int | Int[Array, ""] | None = None,
        positions: Int[Array, "*batch_if_any time"] | None = None,
    ) -> Float[Array, "batch ... _"]:
        time = known_axis(self, self.sequence_axis, inputs, "sequence_axis")
        features = known_axis(self, self.feature_axis, inputs, "feature_axis")
        size = inputs.shape[features]
        if not isinstance(size, int) or size % 2:
            raise ValueError(
                explain(
                    f"{self.path_text()} turns pairs of features: their number is even.",
                    received=f"shape {inputs.shape}, feature_axis={self.feature_axis}",
                    write="fk.nn.RotaryEmbedding(feature_axis=-1), on heads of an even size",
                )
            )
        positions = _positions(self, inputs.shape[time], start_index, positions)
        frequencies = self.max_wavelength ** (-jnp.arange(0, size, 2, dtype=jnp.float32) / size)
        scaled = positions.astype(jnp.float32) / self.scaling_factor
        angles = scaled[..., None] * frequencies.reshape((1,) * scaled.ndim + (-1,))
        shape = [1] * inputs.ndim
        shape[time], shape[features] = angles.shape[-2:]
        if angles.ndim == 3:
            shape[0] = angles.shape[0]
        angles = (angles if time < features else jnp.swapaxes(angles, -1, -2)).reshape(shape)
        cos, sin = jnp.cos(angles), jnp.sin(angles)
        first, second = jnp.split(inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32)), 2, axis=features)
        turned = jnp.concatenate((first * cos - second * sin, second * cos + first * sin), axis=features)
        return turned.astype(inputs.dtype)


@register("keras_hub.layers")
class PositionEmbedding(Layer):
    """A learnt vector for each position, to be added to the inputs: `x + PositionEmbedding(length)(x)`.

    Args:
        sequence_length: how many positions there are vectors for.
        initializer: of the vectors.

    Call arguments: `inputs`; `start_index` and `positions`, as for `RotaryEmbedding`.

    Input shape: `(batch, time, features)`. Output shape: the same.

    Raises:
        ValueError: sequences that are longer. A position beyond the last that is seen when a program runs has NaN.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.PositionEmbedding(16)
    >>> jax.tree.map(jnp.shape, layer.init(jax.random.key(0), jnp.ones((2, 3, 8))))
    {'params': {'embeddings': (16, 8)}}

    Reference: Vaswani et al., arXiv:1706.03762, section 3.5.
    https://keras.io/keras_hub/api/modeling_layers/position_embedding/
    KerasHub's layer; unlike there it knows the position of a cache.
    """

    sequence_length: int = arg.positive("sequence_length")
    initializer: arg.InitializerLike = arg.initializer("glorot_uniform")

    supports_masking = True

    def call(
        self,
        inputs: Float[Array, "batch time features"],
        start_index: int | Int[Array, ""] | None = None,
        positions: Int[Array, "*batch_if_any time"] | None = None,
    ) -> Float[Array, "batch time features"]:
        length, features = inputs.shape[-2:]
        table = self.add_weight((self.sequence_length, features), self.initializer, name="embeddings")
        if isinstance(length, int) and length > self.sequence_length:
            raise ValueError(
                explain(
                    f"{self.path_text()} has vectors for {self.sequence_length} positions.",
                    received=f"inputs of shape {inputs.shape}, (batch, time, features)",
                    write=f"fk.nn.PositionEmbedding({length})",
                )
            )
        positions = _positions(self, length, start_index, positions)
        return jnp.broadcast_to(jnp.take(table, positions, axis=0, mode="fill"), inputs.shape)


def _positions(
    layer: Layer, length: int, start_index: int | jax.Array | None, positions: jax.Array | None
) -> Int[Array, "... time"]:
    """The positions as given, else from `start_index` on, else those of the call."""
    if positions is not None:
        return jnp.asarray(positions)
    if start_index is not None:
        return start_index + jnp.arange(length, dtype=jnp.int32)
    return cache_positions(layer, length)
