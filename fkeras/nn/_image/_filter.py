"""Images sharpened and blurred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ...core import explain, field, register
from ...core.typing import Key
from .. import _arguments as arg
from . import _factors, _warps
from ._base import RandomImageLayer, batch_of, each, is_true_for
from ._types import Factor, ImageBatch, Sizes, Transformation, ValueRange


@register("keras.layers")
class RandomSharpness(RandomImageLayer):
    """In training, each image between smoothed and sharpened.

    A draw `d` gives `smooth + 2 d (image - smooth)`: 0 is smooth, 0.5 the image, 1 twice as sharp.

    Args:
        factor: `f` for draws in [0, f], or the two bounds, in [0, 1].
        value_range: the smallest and the largest value of a pixel; what leaves it is cut.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer, images = fk.nn.RandomSharpness(1.0), jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> float(layer.transform_images(images, {"factor": jnp.array([0.5])})[0, 0, 1, 0])
    1.0

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_sharpness/
    """

    factor: Factor = field(convert=_factors.factor(0, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        return {"factor": jax.random.uniform(key, (batch_of(shape),), jnp.float32, *_factors.bounds(self.factor))}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        kernel = jnp.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], images.dtype) / 13
        sharp = 1.0 - 2 * each(transformation["factor"], images.dtype)
        return jnp.clip(images + sharp * (_warps.filtered(images, kernel) - images), *self.value_range)


def _odd(value: int | Sequence[int]) -> tuple[int, int]:
    """A converter: one odd size, or two."""
    sizes = arg.sizes(2, "kernel_size")(value)
    if any(n % 2 == 0 for n in sizes):
        raise ValueError(
            explain(
                "`kernel_size` must be an odd integer, or two of them.",
                received=f"kernel_size={value!r}",
                usually="an even window has no middle.",
                write="kernel_size=3",
            )
        )
    return sizes


@register("keras.layers")
class RandomGaussianBlur(RandomImageLayer):
    """In training, images are blurred with a random probability.

    Args:
        factor: the bounds, in [0, 1], between which each image's probability is drawn; `f` for `(0, f)`.
        kernel_size: the window in pixels, odd: along the width and the height.
        sigma: the bell's standard deviation in pixels, in [0, 1]: `s` for draws in [0, s], or the two bounds; one draw
            for a batch.
        value_range: the smallest and the largest value of a pixel; what leaves it is cut.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    Raises:
        ValueError: an even `kernel_size`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.RandomGaussianBlur(kernel_size=5)
    >>> layer.apply({}, jax.numpy.ones((2, 8, 8, 3)), training=True, rngs={"dropout": jax.random.key(0)}).shape
    (2, 8, 8, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_gaussian_blur/
    """

    factor: Factor = field(1.0, convert=_factors.factor(0, 1))
    kernel_size: int | Sequence[int] = field(3, convert=_odd)
    sigma: Factor = field(1.0, convert=_factors.factor(0, 1, "sigma"))
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys = jax.random.split(key)
        return {
            "should_apply_blur": is_true_for(keys[0], batch_of(shape), _factors.bounds(self.factor)),
            "blur_factor": jax.random.uniform(keys[1], (2,), self.compute_dtype, *_factors.bounds(self.sigma)) + 1e-6,
        }

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        sigma = jnp.asarray(transformation["blur_factor"], images.dtype)
        across, down = (_warps.gaussian(n, s) for n, s in zip(_odd(self.kernel_size), sigma, strict=True))
        blurred = _warps.filtered(images, down[:, None] * across[None, :])
        result = jnp.where(each(transformation["should_apply_blur"]), blurred, images)
        return jnp.clip(result, *self.value_range)
