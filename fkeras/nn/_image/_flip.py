"""Images in a mirror."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core import field, register
from ...core.typing import Key
from .. import _arguments as arg
from . import _boxes
from ._base import RandomImageLayer, batch_of, each
from ._types import ImageBatch, Images, LabelledBoxes, Sizes, Transformation

_MODES = ("horizontal_and_vertical", "horizontal", "vertical")


@register("keras.layers")
class RandomFlip(RandomImageLayer):
    """In training, each image is mirrored with probability 1/2.

    Args:
        mode: `"horizontal"`, `"vertical"` or `"horizontal_and_vertical"`, which does both or neither.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer, images = fk.nn.RandomFlip("horizontal"), jnp.arange(3.0).reshape(1, 1, 3, 1)
    >>> layer.transform_images(images, {"flips": jnp.array([True])}).ravel()
    Array([2., 1., 0.], dtype=float32)
    >>> layer.apply({}, images, training=True, rngs={"dropout": jax.random.key(1)}).shape
    (1, 1, 3, 1)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_flip/
    """

    mode: str = field("horizontal_and_vertical", convert=arg.one_of("mode", *_MODES))
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        flips = jax.random.uniform(key, (batch_of(shape), 1, 1, 1)) <= 0.5
        return {"flips": flips, "input_shape": shape}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        axes = [axis for axis, name in ((2, "horizontal"), (1, "vertical")) if name in self.mode]
        return jnp.where(each(transformation["flips"]), jnp.flip(images, axes), images)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training:
            return bounding_boxes
        size = self._sizes(transformation["input_shape"])
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "rel_xyxy", *size)
        left, top, right, bottom = jnp.split(boxes, 4, axis=-1)
        if "horizontal" in self.mode:
            left, right = 1 - right, 1 - left
        if "vertical" in self.mode:
            top, bottom = 1 - bottom, 1 - top
        flips = jnp.reshape(transformation["flips"], (-1,) + (1,) * (boxes.ndim - 1))
        boxes = jnp.where(flips, jnp.concatenate([left, top, right, bottom], axis=-1), boxes)
        # Keras cuts these fractions at the size in pixels, so boxes that reach out of the image stay
        cut = _boxes.clip({**bounding_boxes, "boxes": boxes}, size[1], size[0])
        return {**cut, "boxes": _boxes.convert(cut["boxes"], "rel_xyxy", self.bounding_box_format, *size)}

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        return self.transform_images(segmentation_masks, transformation, training)
