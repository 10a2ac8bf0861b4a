"""Layers that tell positions: by rotation, and by a vector that is learnt for each."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from ...core import Layer, explain, register
from ...core.typing import Array, Config, Float, Int
from .. import _arguments as arg
from .._shapes import known_axis
from ._cache import cache_positions

#: The arguments of Llama 3.1's scaling.
_FACTORS = ("frequency_adjustment_factor", "low_freq_factor", "high_freq_factor", "pretraining_sequence_length")


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
        frequency_adjustment_factor, low_freq_factor, high_freq_factor, pretraining_sequence_length: Llama 3.1's
            scaling, all four or none. A pair that turns less than `low_freq_factor` times over
            `pretraining_sequence_length` positions has its frequency divided by the first, one that turns more than
            `high_freq_factor` times keeps it, and between both it goes from one to the other.

    Call arguments: `inputs`; `start_index`, the position of the first (`None`: 0, or with a cache the position in it);
    `positions`, `(time,)` or `(batch, time)`, in its place.

    Input shape: any with a batch, time and features, queries `(batch, time, heads, size)` most of all. Output shape:
    the same.

    Raises:
        ValueError: an odd number of features, or some of the four factors without the others.

    >>> import fkeras as fk, jax.numpy as jnp, numpy as np
    >>> x = jnp.ones((1, 2, 2))
    >>> np.asarray(fk.nn.RotaryEmbedding()(x)[0]).round(3)
    array([[ 1.   ,  1.   ],
           [-0.301,  1.382]], dtype=float32)

    Reference: Su et al., arXiv:2104.09864, with the partners half the features apart, as in GPT-NeoX and Llama.
    https://keras.io/keras_hub/api/modeling_layers/rotary_embedding/
    KerasHub's layer, and its `LlamaRotaryEmbedding`; unlike there it knows the position of a cache.
    """

    max_wavelength: float = 10000
    scaling_factor: float = 1.0
    sequence_axis: int = 1
    feature_axis: int = -1
    frequency_adjustment_factor: float | None = None
    low_freq_factor: float | None = None
    high_freq_factor: float | None = None
    pretraining_sequence_length: int | None = None

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        given = {name: getattr(self, name) for name in _FACTORS}
        if None in given.values() and set(given.values()) != {None}:
            raise ValueError(
                explain(
                    "RotaryEmbedding takes all four factors of Llama 3.1's scaling, or none.",
                    received=", ".join(f"{name}={value}" for name, value in given.items()),
                    write="fk.nn.RotaryEmbedding(5e5, frequency_adjustment_factor=8, low_freq_factor=1, "
                    "high_freq_factor=4, pretraining_sequence_length=8192)",
                )
            )

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
        frequencies = self._frequencies(size)
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

    def _frequencies(self, size: int) -> Float[Array, " pairs"]:
        """How far each pair turns from one position to the next."""
        plain = self.max_wavelength ** (-jnp.arange(0, size, 2, dtype=jnp.float32) / size)
        factor, low, high = self.frequency_adjustment_factor, self.low_freq_factor, self.high_freq_factor
        if factor is None or low is None or high is None or self.pretraining_sequence_length is None:
            return plain
        turns = self.pretraining_sequence_length * plain / (2 * math.pi)
        kept = jnp.clip((turns - low) / (high - low), 0, 1)
        return plain * (kept + (1 - kept) / factor)

    def get_config(self) -> Config:
        # KerasHub's own layer of this name does not know the factors
        return {k: v for k, v in super().get_config().items() if k not in _FACTORS or v is not None}


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
