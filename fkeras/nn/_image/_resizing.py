"""Images in another size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ...core import explain, field, register
from ...core.typing import Array, ArrayLike, DTypeLike, KeyLike
from .. import _arguments as arg
from .._resize import resize
from . import _boxes
from ._base import ImageLayer
from ._crop import middle
from ._types import Boxes, ImageBatch, Images, ImagesOrShape, LabelledBoxes, Transformation


@register("keras.layers")
class Resizing(ImageLayer):
    """Images resized to `height` x `width`.

    Integer images stay integers: rounded, and cut to what their dtype holds.

    Args:
        height, width: the size, in pixels.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: whether to cut the sides off first, so that nothing is stretched.
        pad_to_aspect_ratio: whether to fill the sides up first, so that nothing is stretched.
        fill_mode: how to fill up; `"constant"`.
        fill_value: what to fill up with.
        antialias: whether to smooth before shrinking.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    Raises:
        ValueError: an unknown interpolation, or both aspect ratios.

    >>> import fkeras as fk, numpy as np
    >>> fk.nn.Resizing(1, 2, "nearest")(np.array([[[0], [10], [20], [30]]], "uint8")).tolist()
    [[[10], [30]]]
    >>> fk.nn.Resizing(8, 8)(fk.Input((None, None, 3))).shape
    (None, 8, 8, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/resizing/
    """

    height: int = arg.positive("height")
    width: int = arg.positive("width")
    interpolation: str = field(
        "bilinear", convert=arg.one_of("interpolation", "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    )
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: str = field("constant", convert=arg.one_of("fill_mode", "constant"))
    fill_value: float = 0.0
    antialias: bool = field(False, convert=bool)
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "never"
    _trains = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError(
                explain(
                    "Resizing can crop to the aspect ratio or pad to it, not both.",
                    received="crop_to_aspect_ratio=True, pad_to_aspect_ratio=True",
                    write=f"Resizing({self.height}, {self.width}, crop_to_aspect_ratio=True)",
                )
            )

    def get_random_transformation(
        self, data: ImagesOrShape, training: bool = True, seed: KeyLike | None = None
    ) -> Transformation:
        """The images' height and width, from which the boxes' change follows."""
        return self._sizes(jnp.shape(data["images"] if isinstance(data, Mapping) else data))

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        dtype, (rows, columns) = images.dtype, images.shape[1:3]
        if self.crop_to_aspect_ratio:
            top, left, high, wide = middle(rows, columns, self.height, self.width)
            images = images[:, top : top + high, left : left + wide]
        elif self.pad_to_aspect_ratio:
            top = int((max(rows, int(columns * self.height / self.width)) - rows) / 2)
            left = 0 if top else int((max(columns, int(rows * self.width / self.height)) - columns) / 2)
            images = jnp.pad(images, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=self.fill_value)
        shape = (images.shape[0], self.height, self.width, images.shape[-1])
        result = resize(images, shape, interpolation, antialias=self.antialias)
        return result if result.dtype == dtype else _saturated(result, dtype)

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        return self._on_batch(jnp.asarray(segmentation_masks), transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        rows, columns = transformation
        given = bounding_boxes["boxes"]
        empty = jnp.all(given == -1, axis=-1, keepdims=True) | jnp.all(given == 0, axis=-1, keepdims=True)
        boxes = _boxes.convert(given, self.bounding_box_format, "xyxy", rows, columns)
        cut = _boxes.clip({**bounding_boxes, "boxes": self._fit(boxes, rows, columns)}, self.width, self.height)
        boxes = jnp.where(empty, jnp.zeros_like(boxes), cut["boxes"])
        size = (self.height, self.width)
        return {**cut, "boxes": _boxes.convert(boxes, "xyxy", self.bounding_box_format, *size)}

    def _fit(self, boxes: Boxes, rows: ArrayLike, columns: ArrayLike) -> Boxes:
        """Boxes in pixels, moved and stretched as the image is."""
        # in float32, as Keras does it: the whole pixels of an offset hang on its rounding
        rows, columns = jnp.asarray(rows, boxes.dtype), jnp.asarray(columns, boxes.dtype)
        down, across = self.height / rows, self.width / columns
        top, left = jnp.zeros_like(rows), jnp.zeros_like(rows)
        if self.pad_to_aspect_ratio:
            down = across = jnp.minimum(down, across)
            top, left = (self.height - rows * down) // 2, (self.width - columns * across) // 2
        elif self.crop_to_aspect_ratio:
            aspect = columns / rows
            wider = aspect > self.width / self.height
            high = jnp.where(wider, self.height, self.width / aspect)
            wide = jnp.where(wider, self.height * aspect, self.width)
            down, across = high / rows, wide / columns
            top, left = -((high - self.height) // 2), -((wide - self.width) // 2)
        shape = (1,) * (boxes.ndim - 1) + (4,)
        scale = jnp.stack([across, down, across, down]).reshape(shape)
        return boxes * scale + jnp.stack([left, top, left, top]).reshape(shape)


def _saturated(values: Array, dtype: DTypeLike) -> Array:
    """Values in another dtype: integers rounded, and all within what it holds."""
    if not jnp.issubdtype(dtype, jnp.integer):
        return values.astype(dtype)
    limits = jnp.iinfo(dtype)
    return jnp.clip(jnp.round(values), limits.min, limits.max).astype(dtype)
