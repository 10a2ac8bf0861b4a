"""Histograms made flat: of a whole batch, or tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ...core import field, register
from ...core.typing import Array, Float, Int, Num
from .. import _arguments as arg
from . import _colours, _factors
from ._base import ImageLayer
from ._types import ImageBatch, Transformation, ValueRange


@register("keras.layers")
class Equalization(ImageLayer):
    """In training, values spread so that each is as frequent as the others, channel by channel.

    Args:
        value_range: the smallest and the largest value of a pixel.
        bins: how many values are told apart.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> images = jnp.array([10.0, 11.0, 12.0]).reshape(1, 1, 3, 1)
    >>> fk.nn.Equalization()(images, training=True).ravel()
    Array([  0., 128., 255.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/equalization/
    As in Keras 3.15, one histogram is taken of the whole batch.
    """

    value_range: ValueRange = field((0, 255), convert=_factors.sorted_range)
    bins: int = field(256, convert=lambda value: arg.positive_int(value, "bins"))
    data_format: Any = field(None, convert=arg.data_format)

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        each_channel = jax.vmap(self._channel, in_axes=-1, out_axes=-1)
        return each_channel(images).astype(self.compute_dtype)

    def _channel(self, values: Num[Array, "batch height width"]) -> Float[Array, "batch height width"]:
        """One channel of a whole batch."""
        low, high = self.value_range
        levels = values * (255 / (high - low)) + (0 - low * (255 / (high - low)))
        places = jnp.clip((levels.astype("float32") * (self.bins - 1) / 255).astype("int32"), 0, self.bins - 1)
        histogram = jnp.bincount(places.ravel(), length=self.bins)
        below = jnp.cumsum(histogram)
        first = below[jnp.argmax(below > 0)]
        rest = below[-1] - first
        table = (below - first).astype("float32") * 255 / jnp.where(rest == 0, 1, rest)
        table = jnp.clip(jnp.round(table), 0, 255)
        result = table[jnp.clip(levels / 255.0 * (self.bins - 1), 0, self.bins - 1).astype("int32")]
        result = jnp.where(jnp.count_nonzero(histogram) <= 1, levels.astype(result.dtype), result)
        return result * ((high - low) / 255) + low


def _tile_size(value: int | Sequence[int]) -> tuple[int, int]:
    """A converter: how many tiles there are along each side."""
    rows, columns = arg.sizes(2, "tile_grid_size")(value)
    return rows, columns


@register("keras.layers")
class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Histograms made flat tile by tile, with limited slopes (CLAHE), in training and in inference.

    Args:
        value_range: the smallest and the largest value of a pixel.
        clip_limit: how many times the mean a value's count may be; what is above is spread over all values. 0 for no
            limit.
        tile_grid_size: how many tiles there are along the height and the width; between their middles the result is
            interpolated.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.ContrastLimitedAdaptiveHistogramEqualization((0, 1), tile_grid_size=(2, 2))
    >>> layer(jax.random.uniform(jax.random.key(0), (1, 8, 8, 3))).shape
    (1, 8, 8, 3)

    Reference: Zuiderveld, Contrast limited adaptive histogram equalization (1994).
    https://keras.io/api/layers/preprocessing_layers/image_preprocessing/clahe/
    """

    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    clip_limit: float = 4.0
    tile_grid_size: Sequence[int] = field((8, 8), convert=_tile_size)
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "never"
    _trains = False

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        levels = _colours.change_range(images, self.value_range, (0, 255)).astype("float32")
        height, width = levels.shape[1:3]
        high, wide = (-(-n // tiles) for n, tiles in zip((height, width), self.tile_grid_size, strict=True))
        edges = (high * self.tile_grid_size[0] - height, wide * self.tile_grid_size[1] - width)
        levels = jnp.pad(levels, ((0, 0), (0, edges[0]), (0, edges[1]), (0, 0)), mode="symmetric")
        pixels = jnp.clip(levels, 0, 255).astype("int32")
        each_channel = jax.vmap(self._spread, in_axes=(-1, None, None), out_axes=-1)
        result = jax.vmap(each_channel, in_axes=(0, None, None))(pixels, high, wide)[:, :height, :width]
        return _colours.change_range(result, (0, 255), self.value_range).astype(images.dtype)

    def _spread(self, pixels: Int[Array, "rows columns"], high: int, wide: int) -> Float[Array, "rows columns"]:
        """One channel of an image of whole tiles."""
        down, across = self.tile_grid_size
        tables = jnp.pad(self._tables(pixels, high, wide), ((1, 1), (1, 1), (0, 0)), mode="edge")
        top, along_y = _between(down * high, high)
        left, along_x = _between(across * wide, wide)
        rows, columns = top[:, None], left[None, :]
        before, after = 1 - along_x[None, :], along_x[None, :]
        upper = tables[rows, columns, pixels] * before + tables[rows, columns + 1, pixels] * after
        lower = tables[rows + 1, columns, pixels] * before + tables[rows + 1, columns + 1, pixels] * after
        return upper * (1 - along_y[:, None]) + lower * along_y[:, None]

    def _tables(self, pixels: Int[Array, "rows columns"], high: int, wide: int) -> Float[Array, "down across 256"]:
        """What each value becomes in each tile."""
        down, across = self.tile_grid_size
        tiles = pixels.reshape(down, high, across, wide).transpose(0, 2, 1, 3).reshape(down * across, high * wide)
        counts = jax.vmap(lambda tile: jnp.bincount(tile, length=256))(tiles).astype("float32")
        if self.clip_limit > 0:
            cut = jnp.clip(counts, 0, self.clip_limit * (high * wide) / 256.0)
            counts = cut + jnp.sum(counts - cut, axis=-1, keepdims=True) / 256.0
        below = jnp.cumsum(counts, axis=-1)
        first = below.min(axis=-1, keepdims=True)
        rest = high * wide - first
        result = jnp.clip((below - first) * 255.0 / jnp.where(rest == 0, 1.0, rest), 0, 255)
        return result.reshape(down, across, 256)


def _between(count: int, tile: int) -> tuple[Array, Array]:
    """For each pixel of a side the tile before it (counted from a border tile) and how far it is to the next."""
    place = (jnp.arange(count, dtype="float32") - tile / 2.0) / tile + 1.0
    before = jnp.floor(place)
    return before.astype("int32"), place - before
