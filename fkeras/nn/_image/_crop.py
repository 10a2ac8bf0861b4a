"""Windows of images: in the middle, or at a random place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...core import field, register
from ...core.typing import Array, Key, KeyLike
from .. import _arguments as arg
from .._resize import resize
from . import _boxes
from ._base import ImageLayer, RandomImageLayer
from ._types import ImageBatch, Images, ImagesOrShape, LabelledBoxes, Sizes, Transformation


def middle(height: int, width: int, target_height: int, target_width: int) -> tuple[int, int, int, int]:
    """The largest window of the target's aspect ratio in the middle: top, left, height, width."""
    high = max(min(height, int(width * target_height / target_width)), 1)
    wide = max(min(width, int(height * target_width / target_height)), 1)
    return int((height - high) / 2), int((width - wide) / 2), high, wide


def resized(images: Array, height: int, width: int) -> Array:
    """A batch of images, channels last, by linear interpolation, in its own dtype."""
    shape = (images.shape[0], height, width, images.shape[-1])
    return resize(images, shape, "linear", antialias=False).astype(images.dtype)


@register("keras.layers")
class CenterCrop(ImageLayer):
    """The window of the given size in the middle.

    An image that is smaller in one direction is cut to the window's aspect ratio and resized.

    Args:
        height, width: the window.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk
    >>> fk.nn.CenterCrop(2, 3)(fk.Input((None, None, 3))).shape
    (None, 2, 3, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/center_crop/
    """

    height: int = arg.positive("height")
    width: int = arg.positive("width")
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "always"
    _trains = False

    def get_random_transformation(
        self, data: ImagesOrShape, training: bool = True, seed: KeyLike | None = None
    ) -> Transformation:
        """The images' shape, from which the window follows."""
        return {"input_shape": tuple(jnp.shape(data["images"] if isinstance(data, Mapping) else data))}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        rows, columns = images.shape[1:3]
        if rows >= self.height and columns >= self.width:
            top, left = (rows - self.height) // 2, (columns - self.width) // 2
            return images[:, top : top + self.height, left : left + self.width]
        top, left, high, wide = middle(rows, columns, self.height, self.width)
        return resized(images[:, top : top + high, left : left + wide], self.height, self.width)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        rows, columns = self._sizes(transformation["input_shape"])
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "xyxy", rows, columns)
        if rows >= self.height and columns >= self.width:
            top, left, high, wide = (rows - self.height) // 2, (columns - self.width) // 2, self.height, self.width
        else:
            top, left, high, wide = middle(rows, columns, self.height, self.width)
        corner = jnp.array([left, top, left, top], boxes.dtype).reshape((1,) * (boxes.ndim - 1) + (4,))
        end = corner + jnp.array([wide, high, wide, high], boxes.dtype).reshape(corner.shape)
        scale = jnp.array([self.width / wide, self.height / high] * 2, boxes.dtype).reshape(corner.shape)
        boxes = (jnp.clip(boxes, corner, end) - corner) * scale
        cut = _boxes.clip({**bounding_boxes, "boxes": boxes}, self.width, self.height)
        return {
            **cut,
            "boxes": _boxes.convert(cut["boxes"], "xyxy", self.bounding_box_format, self.height, self.width),
        }

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        return self.transform_images(segmentation_masks, transformation, training)


@register("keras.layers")
class RandomCrop(RandomImageLayer):
    """In training, a window of the given size at a random place, the same for the whole batch.

    Images smaller than the window are cut to its aspect ratio and resized. In inference images pass unchanged.

    Args:
        height, width: the window.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.RandomCrop(2, 3)
    >>> layer.apply({}, jnp.ones((1, 8, 8, 3)), training=True, rngs={"dropout": jax.random.key(0)}).shape
    (1, 2, 3, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_crop/
    As Keras 3.15 does, and unlike its documentation says, inference leaves the size alone; and as there, boxes are
    moved by the window's top along x and by its left along y.
    """

    _last_by_position = ("name",)
    height: int = arg.positive("height")
    width: int = arg.positive("width")
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        rows, columns = self._sizes(shape)
        if rows > self.height and columns > self.width:
            keys = jax.random.split(key)
            top = jax.random.randint(keys[0], (), 0, rows - self.height + 1)
            return top, jax.random.randint(keys[1], (), 0, columns - self.width + 1)
        return middle(rows, columns, self.height, self.width)[:2]

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        top, left = transformation
        rows, columns = images.shape[1:3]
        if isinstance(top, int) and isinstance(left, int):  # small images: what is left of the window, resized
            window = images[:, top : top + self.height, left : left + self.width]
            same = window.shape[1:3] == (self.height, self.width)
            return window if same else resized(window, self.height, self.width)
        size = (images.shape[0], min(self.height, rows), min(self.width, columns), images.shape[-1])
        return lax.dynamic_slice(images, (0, top, left, 0), size)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training:
            return bounding_boxes
        size = (self.height, self.width)
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "xyxy", *size)
        top, left = (jnp.asarray(s, boxes.dtype) for s in transformation)
        moved = boxes - jnp.stack([top, left, top, left]).reshape((1,) * (boxes.ndim - 1) + (4,))
        boxes = _boxes.convert(jnp.maximum(moved, 0), "xyxy", self.bounding_box_format, *size)
        return {"boxes": boxes, "labels": bounding_boxes["labels"]}

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        return self.transform_images(segmentation_masks, transformation, training)
