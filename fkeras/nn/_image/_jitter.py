"""Brightness, contrast, saturation and hue, one after another."""

from __future__ import annotations

from typing import Any

import jax

from ...core import field, register
from ...core.typing import Key
from .. import _arguments as arg
from . import _factors
from ._base import RandomImageLayer
from ._colour import RandomBrightness, RandomContrast, RandomHue, RandomSaturation
from ._types import Factor, Images, Sizes, Transformation, ValueRange


@register("keras.layers")
class RandomColorJitter(RandomImageLayer):
    """In training, random brightness, contrast, saturation and hue, in this order.

    Args:
        value_range: the smallest and the largest value of a pixel.
        brightness_factor: as in `RandomBrightness`; `None` leaves the step out, here and below.
        contrast_factor: as in `RandomContrast`.
        saturation_factor: as in `RandomSaturation`.
        hue_factor: as in `RandomHue`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)
    >>> sorted(layer.get_random_transformation(jax.numpy.ones((1, 2, 2, 3)), seed=0))
    ['random_brightness', 'random_hue']

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_color_jitter/
    Unlike in Keras 3.15 the steps know the `data_format`, and they are drawn by `get_random_transformation`.
    """

    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    brightness_factor: Factor | None = field(
        None, convert=_factors.optional(_factors.as_given("brightness_factor", -1, 1))
    )
    contrast_factor: Factor | None = field(None, convert=_factors.optional(_factors.as_given("contrast_factor", 0, 1)))
    saturation_factor: Factor | None = field(
        None, convert=_factors.optional(_factors.as_given("saturation_factor", -1, 1))
    )
    hue_factor: Factor | None = field(None, convert=_factors.optional(_factors.as_given("hue_factor", 0, 1)))
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    def _steps(self) -> dict[str, RandomImageLayer]:
        factors = {
            "random_brightness": (RandomBrightness, self.brightness_factor),
            "random_contrast": (RandomContrast, self.contrast_factor),
            "random_saturation": (RandomSaturation, self.saturation_factor),
            "random_hue": (RandomHue, self.hue_factor),
        }
        common = {
            "value_range": self.value_range,
            "data_format": self.data_format,
            "dtype": self.dtype,
            "parent": None,  # not a submodule: it has no weights, and is only asked what it would do
        }
        return {name: kind(factor=f, **common) for name, (kind, f) in factors.items() if f is not None}

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        steps = self._steps()
        keys = jax.random.split(key, max(len(steps), 1))
        return {name: step._draw(k, shape) for k, (name, step) in zip(keys, steps.items(), strict=False)}

    def transform_images(self, images: Images, transformation: Transformation = None, training: bool = True) -> Images:
        images = super().transform_images(images, None, training)
        if training and transformation is not None:
            for name, step in self._steps().items():
                images = step.transform_images(images, transformation[name])
        return images
