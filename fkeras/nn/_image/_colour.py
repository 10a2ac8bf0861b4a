"""Brightness, contrast, saturation, hue, and how much colour there is."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core import explain, field, register
from ...core.typing import Config, Key
from .. import _arguments as arg
from . import _colours, _factors
from ._base import RandomImageLayer, batch_of, each
from ._types import Factor, ImageBatch, Sizes, Transformation, ValueRange


class ColourLayer(RandomImageLayer):
    """An image layer that needs red, green and blue."""

    def _rgb(self, images: ImageBatch, *others: int) -> ImageBatch:
        """Images of three channels, or of as many as `others` allow."""
        if images.shape[-1] not in (3, *others):
            raise ValueError(
                explain(
                    f"{self.path_text()} needs images of {' or '.join(map(str, (*others, 3)))} channels.",
                    received=f"{images.shape[-1]} channels",
                    usually="the channels stand first, or there is an alpha channel.",
                    write='data_format="channels_first", or x[..., :3]',
                )
            )
        return images


ColourLayer._positional = ()


@register("keras.layers")
class RandomBrightness(RandomImageLayer):
    """In training, a random number is added to each image.

    Args:
        factor: `f` for numbers in [-f, f], or the two bounds, in [-1, 1], as parts of the range of values.
        value_range: the smallest and the largest value of a pixel; what leaves it is cut.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer = fk.nn.RandomBrightness(0.5)
    >>> layer.transform_images(jnp.full((1, 1, 1, 3), 200.0), {"rgb_delta": jnp.array([100.0])}).ravel()
    Array([255., 255., 255.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_brightness/
    """

    factor: Factor = field(convert=_factors.factor(-1, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        size = (*shape[:-3], 1, 1, 1)
        low, high = _factors.bounds(self.factor)
        delta = jax.random.uniform(key, size, minval=low, maxval=high)
        return {"rgb_delta": delta * (self.value_range[1] - self.value_range[0])}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        return jnp.clip(images + each(transformation["rgb_delta"], images.dtype), *self.value_range)


@register("keras.layers")
class RandomContrast(RandomImageLayer):
    """In training, each image's distance from its mean, channel by channel, times a random number.

    Args:
        factor: `f` for numbers in [1, 1 + f], or bounds `(a, b)` for [1 - a, 1 + b]; in [0, 1].
        value_range: the smallest and the largest value of a pixel; what leaves it is cut.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer, images = fk.nn.RandomContrast(1.0), jnp.array([90.0, 110.0]).reshape(1, 1, 2, 1)
    >>> layer.transform_images(images, {"contrast_factor": jnp.array([2.0])}).ravel()
    Array([ 80., 120.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_contrast/
    """

    factor: Factor = field(convert=_factors.factor(0, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        size, (less, more) = (*shape[:-3], 1, 1, 1), _factors.bounds(self.factor)
        return {"contrast_factor": jax.random.uniform(key, size, self.compute_dtype, 1.0 - less, 1.0 + more)}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        mean = images.mean(axis=(1, 2), keepdims=True)
        factor = each(transformation["contrast_factor"], images.dtype)
        return jnp.clip((images - mean) * factor + mean, *self.value_range)


@register("keras.layers")
class RandomSaturation(ColourLayer):
    """In training, each image's saturation times a random number.

    Args:
        factor: `f` for draws in [-f, f], or the two bounds, in [-1, 1]; a draw `d` multiplies by `d / (1 - d)`, so
            0.5 changes nothing, 0 takes all colour away.
        value_range: the smallest and the largest value of a pixel.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer = fk.nn.RandomSaturation((0.5, 0.5))
    >>> layer.transform_images(jnp.array([9.0, 3.0, 6.0]).reshape(1, 1, 1, 3), {"factor": jnp.array([0.0])}).ravel()
    Array([9., 9., 9.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_saturation/
    """

    factor: Factor = field(convert=_factors.factor(-1, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        low, high = _factors.bounds(self.factor)
        drawn = jax.random.uniform(key, (batch_of(shape),), minval=low, maxval=high)
        return {"factor": drawn / (1 - drawn + 1e-7)}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        hsv = _colours.rgb_to_hsv(self._rgb(images))
        saturation = hsv[..., 1:2] * each(transformation["factor"], images.dtype)
        hsv = jnp.concatenate([hsv[..., :1], jnp.clip(saturation, *self.value_range), hsv[..., 2:]], axis=-1)
        return _colours.hsv_to_rgb(hsv)


@register("keras.layers")
class RandomHue(ColourLayer):
    """In training, each image's hue turned by a random part of the circle.

    Args:
        factor: `f` for turns of up to `f / 2` either way, or two bounds, in [0, 1].
        value_range: the smallest and the largest value of a pixel.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> red, layer = jnp.array([1.0, 0.0, 0.0]).reshape(1, 1, 1, 3), fk.nn.RandomHue(0.5, value_range=(0, 1))
    >>> layer.transform_images(red, {"factor": jnp.array([1 / 3])}).ravel().round(3)
    Array([0., 1., 0.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_hue/
    """

    factor: Factor = field(convert=_factors.factor(0, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, size = jax.random.split(key), (batch_of(shape),)
        sign = jnp.where(jax.random.uniform(keys[0], size) > 0.5, -1.0, 1.0)
        low, high = _factors.bounds(self.factor)
        turn = jax.random.uniform(keys[1], size, minval=low, maxval=high)
        return {"factor": sign * turn * 0.5}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        unit = _colours.change_range(self._rgb(images), self.value_range, (0, 1))
        hsv = _colours.rgb_to_hsv(unit)
        hue = hsv[..., :1] + each(transformation["factor"], hsv.dtype)
        hue = jnp.where(hue > 1.0, hue - 1.0, hue)
        hue = jnp.where(hue < 0.0, hue + 1.0, hue)
        result = jnp.clip(_colours.hsv_to_rgb(jnp.concatenate([hue, hsv[..., 1:]], axis=-1)), 0, 1)
        return _colours.change_range(result, (0, 1), self.value_range).astype(self.compute_dtype)


@register("keras.layers")
class RandomColorDegeneration(ColourLayer):
    """In training, each image mixed with its grey version.

    Args:
        factor: `f` for parts of grey in [-f, f], or the two bounds, in [-1, 1].
        value_range: the smallest and the largest value of a pixel; what leaves it is cut.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer = fk.nn.RandomColorDegeneration(1.0)
    >>> grey = layer.transform_images(jnp.array([100.0, 0.0, 0.0]).reshape(1, 1, 1, 3), {"factor": jnp.array([1.0])})
    >>> grey.ravel().round(2)
    Array([29.89, 29.89, 29.89], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_color_degeneration/
    """

    factor: Factor = field(convert=_factors.factor(-1, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        low, high = _factors.bounds(self.factor)
        return {"factor": jax.random.uniform(key, (batch_of(shape), 1, 1, 1), minval=low, maxval=high)}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        grey = _colours.rgb_to_grayscale(self._rgb(images, 1))
        mixed = images + each(transformation["factor"], images.dtype) * (grey - images)
        return jnp.clip(mixed, *self.value_range)


@register("keras.layers")
class RandomGrayscale(ColourLayer):
    """In training, each image is grey with probability `factor`.

    Args:
        factor: the probability, in [0, 1].
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`. Integers stay integers.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer, colours = fk.nn.RandomGrayscale(1.0), jnp.array([100.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
    >>> layer.apply({}, colours, training=True, rngs={"dropout": jax.random.key(0)}).ravel().round(2)
    Array([29.89, 29.89, 29.89], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_grayscale/
    """

    factor: float = field(0.5, convert=arg.fraction("factor"))
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    _casts = "never"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        return jax.random.uniform(key, (batch_of(shape), 1, 1, 1)) < self.factor

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        return jnp.where(each(transformation), _colours.rgb_to_grayscale(self._rgb(images, 1)), images)

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "seed" or v is not None}
