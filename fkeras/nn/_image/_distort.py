"""Images seen from aside, or on rubber."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core import field, register
from ...core.typing import Array, Float, Key
from .. import _arguments as arg
from . import _boxes, _factors, _warps
from ._base import RandomImageLayer, batch_of, each, is_true_for
from ._types import Factor, ImageBatch, Images, LabelledBoxes, Sizes, Transformation, ValueRange


@register("keras.layers")
class RandomPerspective(RandomImageLayer):
    """In training, images seen in perspective: their corners moved at random.

    Args:
        factor: the bounds, in [0, 1], between which each image's probability is drawn; `f` for `(0, f)`.
        scale: how far a corner moves, as a part of its distance from the first, in [0, 1].
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: the value outside the image.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.RandomPerspective(scale=0.2)
    >>> layer.apply({}, jax.numpy.ones((2, 8, 8, 3)), training=True, rngs={"dropout": jax.random.key(0)}).shape
    (2, 8, 8, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_perspective/
    As in Keras 3.15, boxes are returned as `xyxy`, whatever their format was.
    """

    factor: Factor = field(1.0, convert=_factors.factor(0, 1))
    scale: float = field(1.0, convert=arg.fraction("scale"))
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    fill_value: float = 0.0
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, count, dtype = jax.random.split(key), batch_of(shape), self.compute_dtype
        right, bottom = self._sizes(shape)[1] - 1, self._sizes(shape)[0] - 1
        moves = jax.random.uniform(keys[0], (count, 4, 2), dtype, -0.5 * self.scale, 0.5 * self.scale)
        corners = jnp.array([[[0, 0], [right, 0], [0, bottom], [right, bottom]]], dtype)
        start = jnp.broadcast_to(corners, (count, 4, 2))
        return {
            "apply_perspective": is_true_for(keys[1], count, _factors.bounds(self.factor)),
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": shape,
        }

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        start, end = (jnp.asarray(transformation[n]) for n in ("start_points", "end_points"))
        result = _warps.perspective(images, start, end, interpolation, self.fill_value)
        return jnp.where(each(transformation["apply_perspective"]), result, images)

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        if not training or transformation is None:
            return segmentation_masks
        return self._on_batch(jnp.asarray(segmentation_masks), transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training or transformation is None:
            return bounding_boxes
        size = self._sizes(transformation["input_shape"])
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "xyxy", *size)
        start, end = (jnp.asarray(transformation[n], "float32") for n in ("start_points", "end_points"))
        eight = _warps.homography(start, end)
        matrix = jnp.concatenate([eight, jnp.ones_like(eight[:, :1])], axis=-1).reshape(-1, 3, 3)
        moved = _boxes.project(boxes, jnp.linalg.inv(matrix))
        boxes = jnp.where(jnp.reshape(transformation["apply_perspective"], (-1, 1, 1)), moved, boxes)
        return _boxes.clip({**bounding_boxes, "boxes": boxes}, size[1], size[0])


@register("keras.layers")
class RandomElasticTransform(RandomImageLayer):
    """In training, images on rubber: each pixel moved by a smooth random field.

    Args:
        factor: the bounds, in [0, 1], between which each image's probability is drawn; `f` for `(0, f)`.
        scale: the strength, in [0, 1], or its two bounds: moves and their smoothness are this part of 0.1 of the
            image's longer and of 0.05 of its shorter side.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: what lies outside: `"reflect"`, `"wrap"`, `"constant"`, `"mirror"` or `"nearest"`.
        fill_value: the value outside under `"constant"`.
        value_range: the smallest and the largest value of a pixel.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.RandomElasticTransform()
    >>> layer.apply({}, jax.numpy.ones((2, 8, 8, 3)), training=True, rngs={"dropout": jax.random.key(0)}).shape
    (2, 8, 8, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_elastic_transform/
    As in Keras 3.15, rows and columns are moved by the same field; here masks move with their images.
    """

    factor: Factor = field(1.0, convert=_factors.factor(0, 1))
    scale: Factor = field(1.0, convert=_factors.factor(0, 1, "scale"))
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    fill_mode: str = field("reflect", convert=_factors.any_fill_mode)
    fill_value: float = 0.0
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        if _factors.bounds(self.scale)[1] == 0 or _factors.bounds(self.factor)[1] == 0:
            return None
        keys = jax.random.split(key, 3)
        strength = jax.random.uniform(keys[1], (), self.compute_dtype, *_factors.bounds(self.scale))
        apply = is_true_for(keys[0], batch_of(shape), _factors.bounds(self.factor))
        return {"apply_transform": apply, "distortion_factor": strength, "seed": keys[2]}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        rows, columns = _warps.grid(images, "float32")
        moves = self._field(images.shape, transformation)
        result = _warps.sample(images, rows + moves, columns + moves, interpolation, self.fill_mode, self.fill_value)
        result = jnp.where(each(transformation["apply_transform"]), result, images)
        return jnp.clip(result, *self.value_range).astype(self.compute_dtype)

    def _field(self, shape: Sizes, transformation: Transformation) -> Float[Array, "batch height width"]:
        """How far each pixel moves: noise, smoothed over `sigma` pixels."""
        strength, dtype = transformation["distortion_factor"], self.compute_dtype
        sides = shape[1:3]
        sigma = jnp.maximum(min(sides) * (0.05 * strength), 1e-6).astype(dtype)
        # the filter's size follows from the largest strength; beyond the reach of the one that was drawn it is 0
        size = int(6 * min(sides) * 0.05 * _factors.bounds(self.scale)[1]) | 1
        reach = (6 * sigma).astype("int32") // 2
        bell = _warps.gaussian(size, sigma, reach)
        noise = jax.random.normal(transformation["seed"], shape[:3], dtype) * sigma
        smooth = _warps.filtered(noise[..., None], bell[:, None] * bell[None, :])[..., 0]
        return (max(sides) * (0.1 * strength) * smooth).astype("float32")

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        if not training or transformation is None:
            return segmentation_masks
        return self._on_batch(jnp.asarray(segmentation_masks), transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        raise self._no_boxes()
