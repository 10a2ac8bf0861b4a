"""Dropout of single numbers and of whole feature maps."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from ..core.typing import Array, Config, Key, Num, Training
from . import _arguments as arg
from ._shapes import NamedLayer, check_rank


def _drop(key: Key, x: Num[Array, "*shape"], rate: float, shape: tuple[int, ...]) -> Num[Array, "*shape"]:
    """`x` with entries dropped by a random mask of the given shape, and the others scaled up."""
    if rate == 1:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(jnp.broadcast_to(keep, x.shape), x / (1 - rate), jnp.zeros_like(x))


def noise_shape_of(value: object) -> tuple[int | None, ...] | None:
    """A converter: `None`, or sizes of which each may be `None`."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(
        n is None or (isinstance(n, int) and not isinstance(n, bool) and n > 0) for n in value
    ):
        raise ValueError(
            explain(
                "`noise_shape` must be a tuple of positive integers, or None for the input's size.",
                received=f"noise_shape={value!r}",
                write="noise_shape=(None, 1, None)",
            )
        )
    return tuple(value)


def mask_shape(layer: NamedLayer, x: Num[Array, "*shape"], noise_shape: Sequence[int | None] | None) -> tuple[int, ...]:
    """The shape of the random mask of `x`.

    Raises:
        ValueError: a `noise_shape` of another rank.
    """
    shape = x.shape
    if noise_shape is None:
        return tuple(shape)
    if len(noise_shape) != len(shape):
        raise ValueError(
            explain(
                f"{layer.path_text()}: `noise_shape` has another rank than the input.",
                received=f"noise_shape={noise_shape}, an input of shape {tuple(shape)}",
                usually="the batch is missing; None stands for it.",
                write="noise_shape=(None, 1, None)",
            )
        )
    return tuple(s if n is None else n for s, n in zip(shape, noise_shape, strict=True))


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
    noise_shape: Sequence[int | None] | None = field(None, convert=noise_shape_of)
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"], training: Training = False) -> Num[Array, "*shape"]:
        if not training or self.rate == 0:
            return inputs
        return _drop(self.make_rng("dropout"), inputs, self.rate, mask_shape(self, inputs, self.noise_shape))


class _SpatialDropout(Layer):
    """Dropout of whole feature maps: one draw for each example and channel."""

    rate: float = field(convert=arg.fraction("rate"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    seed: int | None = None

    supports_masking = True
    _rank = 0

    def call(self, inputs: Num[Array, "*shape"], training: Training = False) -> Num[Array, "*shape"]:
        check_rank(self, inputs, self._rank + 2)
        if not training or self.rate == 0:
            return inputs
        channel = 1 if self.data_format == "channels_first" else inputs.ndim - 1
        shape = tuple(s if i in (0, channel) else 1 for i, s in enumerate(inputs.shape))
        return _drop(self.make_rng("dropout"), inputs, self.rate, shape)

    def get_config(self) -> Config:
        # Keras's constructor takes no `trainable`, and its config has the dtype as a name.
        return {**{k: v for k, v in super().get_config().items() if k != "trainable"}, "dtype": self.dtype_policy.name}


@register("keras.layers")
class SpatialDropout1D(_SpatialDropout):
    """In training, whole features of a sequence are zero with probability `rate`.

    Args:
        rate: the probability, in [0, 1].
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Input shape: `(batch, steps, features)`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.SpatialDropout1D(0.5)
    >>> y = layer.apply({}, jnp.ones((1, 4, 8)), training=True, rngs={"dropout": jax.random.key(0)})
    >>> bool((y == y[:, :1]).all())
    True

    Reference: Tompson et al., arXiv:1411.4280. https://keras.io/api/layers/regularization_layers/spatial_dropout1d/
    """

    _rank = 1
    _positional = ("rate", "seed", "name", "dtype")

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "data_format"}


@register("keras.layers")
class SpatialDropout2D(_SpatialDropout):
    """In training, whole channels of an image are zero with probability `rate`.

    Args:
        rate: the probability, in [0, 1].
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Input shape: `(batch, height, width, channels)`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.SpatialDropout2D(0.5)(jnp.ones((1, 2, 2, 1))).shape
    (1, 2, 2, 1)

    Reference: Tompson et al., arXiv:1411.4280. https://keras.io/api/layers/regularization_layers/spatial_dropout2d/
    """

    _last_by_position = ("name", "dtype")
    _rank = 2


@register("keras.layers")
class SpatialDropout3D(_SpatialDropout):
    """In training, whole channels of a volume are zero with probability `rate`.

    Args:
        rate: the probability, in [0, 1].
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Input shape: `(batch, depth, height, width, channels)`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.SpatialDropout3D(0.5)(jnp.ones((1, 2, 2, 2, 1))).shape
    (1, 2, 2, 2, 1)

    Reference: Tompson et al., arXiv:1411.4280. https://keras.io/api/layers/regularization_layers/spatial_dropout3d/
    """

    _last_by_position = ("name", "dtype")
    _rank = 3
