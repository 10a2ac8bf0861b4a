"""Each pixel's value changed by itself: negatives, few levels, over-exposure, the full range."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core import field, register
from ...core.typing import Array, Key
from .. import _arguments as arg
from . import _colours, _factors
from ._base import ImageLayer, RandomImageLayer, batch_of, each, is_true_for
from ._types import Factor, ImageBatch, Images, Sizes, Transformation, ValueRange


@register("keras.layers")
class RandomInvert(RandomImageLayer):
    """In training, images become their negatives with a random probability.

    Args:
        factor: the bounds, in [0, 1], between which each image's probability is drawn; `f` for `(0, f)`.
        value_range: the smallest and the largest value of a pixel.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer = fk.nn.RandomInvert()
    >>> layer.transform_images(jnp.array([5.0]).reshape(1, 1, 1, 1), {"apply_inversion": jnp.array([True])}).item()
    250.0

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_invert/
    """

    factor: Factor = field(1.0, convert=_factors.factor(0, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        return {"apply_inversion": is_true_for(key, batch_of(shape), _factors.bounds(self.factor))}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        return jnp.where(each(transformation["apply_inversion"]), self.value_range[1] - images, images)


@register("keras.layers")
class RandomPosterization(RandomImageLayer):
    """In training, each image keeps only some of the eight bits of its values.

    Args:
        factor: `f` for 1 to `f` bits (`f` itself left out), or the two bounds, integers in [1, 8]; equal bounds are
            kept exactly.
        value_range: the smallest and the largest value of a pixel.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer, images = fk.nn.RandomPosterization((1, 1)), jnp.array([100.0, 200.0]).reshape(1, 1, 2, 1)
    >>> layer.apply({}, images, training=True, rngs={"dropout": jax.random.key(0)}).ravel()
    Array([  0., 128.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_posterization/
    """

    factor: Factor = field(convert=_factors.factor(1, 8))
    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        (low, high), size = _factors.bounds(self.factor), (batch_of(shape),)
        if low == high:
            return {"shift_factor": jnp.full(size, 8 - int(low), "uint8")}
        return {"shift_factor": 8 - jax.random.randint(key, size, int(low), int(high), "uint8")}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        dtype, away = self.compute_dtype, each(transformation["shift_factor"], "uint8")
        levels = _colours.change_range(images, self.value_range, (0, 255), dtype).astype("uint8")
        levels = jnp.left_shift(jnp.right_shift(levels, away), away).astype(dtype)
        return _colours.change_range(levels, (0, 255), self.value_range, dtype)


@register("keras.layers")
class Solarization(RandomImageLayer):
    """In training, a random number is added to each image, and values from a random threshold on become negatives.

    Args:
        addition_factor: `f` for additions in [0, 255 f], or bounds `(a, b)` for [a, 255 b]; in [0, 1].
        threshold_factor: likewise for the threshold.
        value_range: the smallest and the largest value of a pixel.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer, images = fk.nn.Solarization(), jnp.array([100.0, 200.0]).reshape(1, 1, 2, 1)
    >>> layer.apply({}, images, training=True, rngs={"dropout": jax.random.key(0)}).ravel()
    Array([155.,  55.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/solarization/
    """

    addition_factor: Factor = field(0.0, convert=_factors.solar("addition_factor"))
    threshold_factor: Factor = field(0.0, convert=_factors.solar("threshold_factor"))
    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    seed: int | None = None

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, size = jax.random.split(key), (*shape[:-3], 1, 1, 1)

        def draw(key: Key, factor: tuple[float, float]) -> Array:
            return jax.random.uniform(key, size, self.compute_dtype, factor[0], factor[1] * 255)

        return {
            "additions": draw(keys[0], _factors.bounds(self.addition_factor)),
            "thresholds": draw(keys[1], _factors.bounds(self.threshold_factor)),
        }

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        dtype = self.compute_dtype
        levels = _colours.change_range(images, self.value_range, (0, 255), dtype)
        levels = jnp.clip(levels + each(transformation["additions"], dtype), 0, 255)
        levels = jnp.where(levels < each(transformation["thresholds"], dtype), levels, 255 - levels)
        return _colours.change_range(levels, (0, 255), self.value_range, dtype)


@register("keras.layers")
class AutoContrast(ImageLayer):
    """Each image's values stretched over the full range, channel by channel, in training and in inference.

    Args:
        value_range: the smallest and the largest value of a pixel.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.AutoContrast()(jnp.array([10.0, 20.0]).reshape(1, 1, 2, 1)).ravel()
    Array([  0., 255.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/auto_contrast/
    As in Keras 3.15, the darkest and the brightest value are sought along the axes 1 and 2 of a batch, whatever the
    `data_format`.
    """

    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)

    def transform_images(self, images: Images, transformation: Transformation = None, training: bool = True) -> Images:
        images = jnp.asarray(images)
        batch, dtype = images if images.ndim == 4 else images[None], self.compute_dtype
        levels = _colours.change_range(batch, self.value_range, (0, 255), dtype).astype(dtype)
        low, high = (edge(levels, axis=(1, 2), keepdims=True) for edge in (jnp.min, jnp.max))
        flat = high == low  # nothing to stretch: as it was
        scale = 255.0 / jnp.where(flat, 1, high - low)
        result = jnp.clip(levels * scale + -low * scale, 0.0, 255.0)
        result = _colours.change_range(result, (0, 255), self.value_range, dtype)
        result = jnp.where(flat, batch.astype(result.dtype), result)
        return result if images.ndim == 4 else result[0]
