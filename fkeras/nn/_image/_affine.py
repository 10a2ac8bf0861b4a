"""Images turned, moved, zoomed and sheared."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core import field, register
from ...core.typing import Array, Float, Key
from .. import _arguments as arg
from . import _boxes, _factors, _warps
from ._base import RandomImageLayer, batch_of
from ._types import Factor, ImageBatch, Images, LabelledBoxes, Sizes, Transformation


class AffineLayer(RandomImageLayer):
    """In training, each image under an affine map of its own.

    Masks go the same way, each pixel taken from its nearest. A subclass has `interpolation`, `fill_mode` and
    `fill_value`.
    """

    interpolation: str = field("bilinear", convert=_factors.interpolation)
    fill_mode: str = field("reflect", convert=_factors.fill_mode)
    fill_value: float = 0.0

    _casts = "always"

    def _map(self, transformation: Transformation, shape: Sizes) -> Float[Array, "batch 8"]:
        """From an output pixel to the input's, as `fkeras.nn._image._warps.affine` takes it."""
        raise NotImplementedError

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        transform = self._map(transformation, images.shape)
        return _warps.affine(images, transform, interpolation, self.fill_mode, self.fill_value)

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        if not training or transformation is None:
            return segmentation_masks
        return self._on_batch(jnp.asarray(segmentation_masks), transformation, "nearest")


AffineLayer._positional = ()


def _rows(*columns: Float[Array, ...] | int) -> Float[Array, "... columns"]:
    """Numbers, and columns of one number an image, side by side."""
    like = next(c for c in columns if not isinstance(c, int))
    return jnp.stack([jnp.full_like(like, c) if isinstance(c, int) else c for c in columns], axis=-1)


@register("keras.layers")
class RandomRotation(AffineLayer):
    """In training, each image turned about its centre by a random angle.

    Args:
        factor: `f` for angles in [-f, f], or the two bounds, in whole turns; positive is clockwise.
        fill_mode: what lies outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        fill_value: the value outside under `"constant"`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.RandomRotation(0.25)
    >>> drawn = layer.get_random_transformation(jax.numpy.ones((2, 8, 8, 3)), seed=jax.random.key(0))
    >>> drawn["angle"].shape, drawn["rotation_matrix"].shape
    ((2,), (2, 8))

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_rotation/
    As in Keras 3.15, boxes are read as `xyxy` whatever their format is, and written in their format.
    """

    factor: Factor = field(convert=_factors.factor(-1, 1))
    fill_mode: str = field("reflect", convert=_factors.fill_mode)
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    seed: int | None = None
    fill_value: float = 0.0
    data_format: Any = field(None, convert=arg.data_format)

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        height, width = self._sizes(shape)
        low, high = (f * 360.0 for f in _factors.bounds(self.factor))
        angle = jax.random.uniform(key, (batch_of(shape),), minval=low, maxval=high)
        matrix = _turn(angle, height, width)
        matrix = matrix if len(shape) == 4 else matrix[0]
        return {"angle": angle, "rotation_matrix": matrix, "image_height": height, "image_width": width}

    def _map(self, transformation: Transformation, shape: Sizes) -> Float[Array, "batch 8"]:
        return transformation["rotation_matrix"]

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training:
            return bounding_boxes
        size = (transformation["image_height"], transformation["image_width"])
        boxes = _boxes.rotate(bounding_boxes["boxes"], transformation["angle"], *size)
        cut = _boxes.clip({**bounding_boxes, "boxes": boxes}, size[1], size[0])
        return {**cut, "boxes": _boxes.convert(cut["boxes"], "xyxy", self.bounding_box_format, *size)}


def _turn(angle: Float[Array, " batch"], height: int, width: int) -> Float[Array, "batch 8"]:
    """The map of a turn about the centre, by degrees."""
    angle = angle * (jnp.pi / 180)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    x, y = (0.5 * (jnp.asarray(s, angle.dtype) - 1) for s in (width, height))
    return _rows(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, 0, 0)


@register("keras.layers")
class RandomTranslation(AffineLayer):
    """In training, each image moved by a random part of its size.

    Args:
        height_factor: `f` for moves in [-f, f], or the two bounds, as parts of the height; positive is down.
        width_factor: likewise of the width; positive is right.
        fill_mode: what lies outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        fill_value: the value outside under `"constant"`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> layer = fk.nn.RandomTranslation(0.0, 0.5, fill_mode="constant")
    >>> moved = {"translations": jnp.array([[1.0, 0.0]])}  # one pixel to the right
    >>> layer.transform_images(jnp.arange(1.0, 4.0).reshape(1, 1, 3, 1), moved).ravel()
    Array([0., 1., 2.], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_translation/
    """

    height_factor: Factor = field(convert=_factors.as_given("height_factor", -1, 1))
    width_factor: Factor = field(convert=_factors.as_given("width_factor", -1, 1))
    fill_mode: str = field("reflect", convert=_factors.fill_mode)
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    seed: int | None = None
    fill_value: float = 0.0
    data_format: Any = field(None, convert=arg.data_format)

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, size = jax.random.split(key), (batch_of(shape), 1)
        height, width = self._sizes(shape)
        (down, below), (left, right) = _factors.bounds(self.height_factor), _factors.bounds(self.width_factor)
        rows = jax.random.uniform(keys[0], size, minval=down, maxval=below) * height
        columns = jax.random.uniform(keys[1], size, minval=left, maxval=right) * width
        return {"translations": jnp.concatenate([columns, rows], axis=1), "input_shape": shape}

    def _map(self, transformation: Transformation, shape: Sizes) -> Float[Array, "batch 8"]:
        moves = jnp.asarray(transformation["translations"], jnp.float32)
        return _rows(1, 0, -moves[:, 0], 0, 1, -moves[:, 1], 0, 0)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training:
            return bounding_boxes
        size = self._sizes(transformation["input_shape"])
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "xyxy", *size)
        moves = jnp.tile(transformation["translations"], (1, 2))
        boxes = boxes + moves.reshape((-1,) + (1,) * (boxes.ndim - 2) + (4,))
        cut = _boxes.clip({**bounding_boxes, "boxes": boxes}, size[1], size[0])
        return {**cut, "boxes": _boxes.convert(cut["boxes"], "xyxy", self.bounding_box_format, *size)}


@register("keras.layers")
class RandomZoom(AffineLayer):
    """In training, each image zoomed about its centre by a random factor.

    Args:
        height_factor: `f` for zooms in [1 - f, 1 + f], or the two bounds less 1; above 0 shows more, below less.
        width_factor: likewise along the width; by default it is the height's, and the aspect ratio stays.
        fill_mode: what lies outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        fill_value: the value outside under `"constant"`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> drawn = fk.nn.RandomZoom(0.5).get_random_transformation(jax.numpy.ones((2, 8, 8, 3)), seed=0)
    >>> bool(((drawn["height_zoom"] >= 0.5) & (drawn["height_zoom"] < 1.5)).all())
    True

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_zoom/
    """

    height_factor: Factor = field(convert=_factors.as_given("height_factor", -1, 1, above=True))
    width_factor: Factor | None = field(
        None, convert=_factors.optional(_factors.as_given("width_factor", -1, 1, above=True))
    )
    fill_mode: str = field("reflect", convert=_factors.fill_mode)
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    seed: int | None = None
    fill_value: float = 0.0
    data_format: Any = field(None, convert=arg.data_format)

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, size = jax.random.split(key), (batch_of(shape), 1)
        low, high = _factors.bounds(self.height_factor)
        down = across = jax.random.uniform(keys[0], size, minval=1.0 + low, maxval=1.0 + high)
        if self.width_factor is not None:
            low, high = _factors.bounds(self.width_factor)
            across = jax.random.uniform(keys[1], size, minval=1.0 + low, maxval=1.0 + high)
        return {"height_zoom": down, "width_zoom": across, "input_shape": shape}

    def _map(self, transformation: Transformation, shape: Sizes) -> Float[Array, "batch 8"]:
        across, down = (jnp.asarray(transformation[n], "float32")[:, 0] for n in ("width_zoom", "height_zoom"))
        x, y = ((jnp.asarray(s, "float32") - 1.0) / 2.0 for s in (shape[2], shape[1]))
        return _rows(across, 0, x * (1.0 - across), 0, down, y * (1.0 - down), 0, 0)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training:
            return bounding_boxes
        height, width = self._sizes(transformation["input_shape"])
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "xyxy", height, width)
        maps = self._map(transformation, (0, height, width, 0))
        across, left, down, top = (maps[:, i].reshape((-1,) + (1,) * (boxes.ndim - 1)) for i in (0, 2, 4, 5))
        right, bottom = across * width + left, down * height + top
        x1, y1, x2, y2 = jnp.split(boxes, 4, axis=-1)
        x1, x2 = (jnp.clip(x, left, right) - left for x in (x1, x2))
        y1, y2 = (jnp.clip(y, top, bottom) - top for y in (y1, y2))
        boxes = jnp.concatenate([x1, y1, x2, y2], axis=-1)
        boxes = _boxes.convert(boxes, "xyxy", "rel_xyxy", bottom - top, right - left)
        cut = _boxes.clip({**bounding_boxes, "boxes": boxes}, 1.0, 1.0)
        return {**cut, "boxes": _boxes.convert(cut["boxes"], "rel_xyxy", self.bounding_box_format, height, width)}


@register("keras.layers")
class RandomShear(AffineLayer):
    """In training, each image sheared by random amounts along both axes.

    Args:
        x_factor: `f` for shears in [-f, f], or two bounds in [0, 1], along the width; the sign is drawn too.
        y_factor: likewise along the height.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: what lies outside: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: the value outside under `"constant"`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer = fk.nn.RandomShear(0.3)
    >>> layer.get_random_transformation(jax.numpy.ones((2, 8, 8, 3)), seed=0)["shear_factor"].shape
    (2, 2)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_shear/
    """

    x_factor: Factor = field(0.0, convert=_factors.shear("x_factor"))
    y_factor: Factor = field(0.0, convert=_factors.shear("y_factor"))
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    fill_mode: str = field("reflect", convert=_factors.fill_mode)
    fill_value: float = 0.0
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, size, dtype = jax.random.split(key, 3), (batch_of(shape), 1), self.compute_dtype
        sign = jnp.where(jax.random.uniform(keys[0], size, dtype) > 0.5, -1.0, 1.0).astype(dtype)
        down = jax.random.uniform(keys[1], size, dtype, *_factors.bounds(self.y_factor))
        across = jax.random.uniform(keys[2], size, dtype, *_factors.bounds(self.x_factor))
        return {"shear_factor": jnp.concatenate([across, down], axis=1) * sign, "input_shape": shape}

    def _map(self, transformation: Transformation, shape: Sizes) -> Float[Array, "batch 8"]:
        shears = jnp.asarray(transformation["shear_factor"], jnp.float32)
        return _rows(1, shears[:, 0], 0, shears[:, 1], 1, 0, 0, 0)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training:
            return bounding_boxes
        size, dtype = self._sizes(transformation["input_shape"]), self.compute_dtype
        boxes = _boxes.convert(bounding_boxes["boxes"], self.bounding_box_format, "rel_xyxy", *size, dtype)
        shears = jnp.asarray(transformation["shear_factor"], dtype)
        x, y = (shears[:, i].reshape((-1,) + (1,) * (boxes.ndim - 1)) for i in (0, 1))
        x1, y1, x2, y2 = jnp.split(boxes, 4, axis=-1)
        left = jnp.where(x < 0, x1 - x * y1, x1 - x * y2)
        right = jnp.where(x < 0, x2 - x * y2, x2 - x * y1)
        top = jnp.where(y > 0, y1 - y * right, y1 - y * left)
        bottom = jnp.where(y > 0, y2 - y * left, y2 - y * right)
        boxes = jnp.concatenate([left, top, right, bottom], axis=-1)
        cut = _boxes.clip({**bounding_boxes, "boxes": boxes}, 1.0, 1.0)
        boxes = _boxes.convert(cut["boxes"], "rel_xyxy", self.bounding_box_format, *size, dtype)
        return {**cut, "boxes": boxes}
