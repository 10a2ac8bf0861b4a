"""Images mixed with each other, and holes in images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from ...core import explain, field, register
from ...core.typing import Array, Bool, DTypeLike, Float, Int, Key, Num
from .. import _arguments as arg
from .._shapes import from_last, to_last
from . import _factors
from ._base import RandomImageLayer, batch_of, each, is_true_for
from ._types import Factor, ImageBatch, Images, LabelledBoxes, Labels, Sizes, Transformation, ValueRange

#: Where an interval starts and ends in each image, in pixels.
Interval: TypeAlias = tuple[Array, Array]
#: A number, one for each of three channels, or `None` for noise.
Fill: TypeAlias = float | Sequence[float] | None


def _interval(key: Key, length: int, part: Float[Array, " batch"]) -> Interval:
    """For each image a random interval that covers a part of a side: start and end, in pixels."""
    size = part * length
    start = jax.random.uniform(key, part.shape, part.dtype) * (length - size)
    return start, start + size


def _inside(shape: tuple[int, int], x: Interval, y: Interval, dtype: DTypeLike) -> Bool[Array, "batch height width 1"]:
    """Which pixels lie in each image's rectangle."""
    rows, columns = (jnp.arange(n, dtype=dtype) for n in shape)
    down, across = (
        (places[None] >= start[:, None]) & (places[None] < end[:, None])
        for places, (start, end) in ((rows, y), (columns, x))
    )
    return (down[:, :, None] & across[:, None, :])[..., None]


def _mixed(
    values: Num[Array, "batch ..."], order: Int[Array, " batch"], weight: Float[Array, "batch ..."]
) -> Num[Array, "batch ..."]:
    """Each example times its weight, plus its partner times the rest."""
    weight = jnp.reshape(weight, (-1,) + (1,) * (values.ndim - 1))
    return weight * values + (1.0 - weight) * jnp.take(values, order, axis=0)


@register("keras.layers")
class MixUp(RandomImageLayer):
    """In training, each image, and its label, is a random mixture with another's of the batch.

    Args:
        alpha: weights are drawn from `Beta(alpha, alpha)`: small for nearly pure images, 1 for any mixture.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        bounding_box_format: how boxes are written, when there are any; both images' are kept.

    Input shape: `(batch, h, w, channels)`, or a dict with `"images"`; labels are one-hot.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> drawn = {"mix_weight": jnp.array([0.75, 1.0]), "permutation_order": jnp.array([1, 0])}
    >>> fk.nn.MixUp().transform_labels(jnp.eye(2), drawn)
    Array([[0.75, 0.25],
           [0.  , 1.  ]], dtype=float32)

    Reference: Zhang et al., mixup: beyond empirical risk minimization (2018).
    https://keras.io/api/layers/preprocessing_layers/image_augmentation/mix_up/
    Unlike in Keras 3.15, the labels of boxes stay beside their boxes, and masks are mixed image by image.
    """

    alpha: float = field(0.2, convert=_factors.positive("alpha"))
    data_format: Any = field(None, convert=arg.data_format)
    seed: int | None = None

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, count = jax.random.split(key), batch_of(shape)
        return {
            "mix_weight": jax.random.beta(keys[0], self.alpha, self.alpha, (count,)),
            "permutation_order": jax.random.permutation(keys[1], count),
        }

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        weight = jnp.asarray(transformation["mix_weight"], images.dtype)
        return _mixed(images, transformation["permutation_order"], weight)

    def transform_labels(self, labels: Labels, transformation: Transformation = None, training: bool = True) -> Labels:
        if not training or transformation is None:
            return labels
        return _mixed(jnp.asarray(labels), transformation["permutation_order"], transformation["mix_weight"])

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        return self.transform_labels(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        both = ((k, jnp.asarray(bounding_boxes[k])) for k in ("boxes", "labels"))
        return {k: jnp.concatenate([v, jnp.take(v, order, axis=0)], axis=1) for k, v in both}


@register("keras.layers")
class CutMix(RandomImageLayer):
    """In training, a rectangle of each image, and a part of its label, comes from another of the batch.

    Args:
        factor: `f` for a concentration in [0, f], or the two bounds, in [0, 1]: what stays of an image is drawn from
            a Beta distribution with it.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)`, or a dict with `"images"`; labels are one-hot. A single image passes
    unchanged.

    >>> import fkeras as fk, jax
    >>> drawn = fk.nn.CutMix().get_random_transformation(jax.numpy.ones((2, 8, 8, 3)), seed=0)
    >>> sorted(drawn)
    ['batch_masks', 'mix_weight', 'permutation_order']

    Reference: Yun et al., CutMix (2019).
    https://keras.io/api/layers/preprocessing_layers/image_augmentation/cut_mix/
    """

    factor: Factor = field(1.0, convert=_factors.factor(0, 1))
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        if len(shape) == 3:
            return None
        keys, dtype, (height, width) = jax.random.split(key, 5), self.compute_dtype, self._sizes(shape)
        alpha = jax.random.uniform(keys[0], (), dtype, *_factors.bounds(self.factor)) + 1e-6
        side = jnp.sqrt(1.0 - jax.random.beta(keys[1], alpha, alpha, (shape[0],), dtype))
        x, y = _interval(keys[2], width, side), _interval(keys[3], height, side)
        inside = from_last(_inside((height, width), x, y, dtype), self.data_format)
        area = (x[1] - x[0]) * (y[1] - y[0]) / (width * height)
        order = jax.random.permutation(keys[4], shape[0])
        return {"permutation_order": order, "batch_masks": inside, "mix_weight": each(1.0 - area)}

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        inside = to_last(jnp.asarray(transformation["batch_masks"]), self.data_format)
        return jnp.where(inside, jnp.take(images, transformation["permutation_order"], axis=0), images)

    def transform_labels(self, labels: Labels, transformation: Transformation = None, training: bool = True) -> Labels:
        if not training or transformation is None:
            return labels
        return _mixed(jnp.asarray(labels), transformation["permutation_order"], transformation["mix_weight"])

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        masks = jnp.asarray(segmentation_masks)
        if transformation is not None and training:
            inside = jnp.asarray(transformation["batch_masks"])
            axis = 1 if self.data_format == "channels_first" else -1
            inside = jax.lax.slice_in_dim(inside, 0, 1, axis=axis % 4)  # the masks have channels of their own
            transformation = {**transformation, "batch_masks": inside}
        return self.transform_images(masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        raise self._no_boxes()


def _fill(value: Fill) -> Fill:
    """A converter: what a hole is filled with: `None` for noise, a number, or one for each of three channels."""
    is_single = value is None or _factors.is_number(value)
    is_triple = isinstance(value, list | tuple) and len(value) == 3 and all(map(_factors.is_number, value))
    if not is_single and not is_triple:
        raise ValueError(
            explain(
                "`fill_value` must be None (noise), a number, or three numbers.",
                received=f"fill_value={value!r}",
                write="fill_value=0",
            )
        )
    return tuple(value) if isinstance(value, list | tuple) else value


@register("keras.layers")
class RandomErasing(RandomImageLayer):
    """In training, a random rectangle of each image is filled with noise or a value, with a random probability.

    Args:
        factor: the bounds, in [0, 1], between which each image's probability is drawn; `f` for `(0, f)`.
        scale: the bounds of the square of a rectangle's side, as a part of the image's, in [0, 1].
        fill_value: a number, or one for each of three channels; by default normal noise.
        value_range: the smallest and the largest value of a pixel.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, channels)` or `(h, w, channels)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> layer, images = fk.nn.RandomErasing((1, 1), (1, 1), fill_value=9), jax.numpy.ones((1, 4, 4, 3))
    >>> float(layer.apply({}, images, training=True, rngs={"dropout": jax.random.key(0)}).mean())
    9.0

    Reference: Zhong et al., Random erasing data augmentation (2020).
    https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_erasing/
    """

    factor: Factor = field(1.0, convert=_factors.factor(0, 1))
    scale: Factor = field((0.02, 0.33), convert=_factors.factor(0, 1, "scale"))
    fill_value: Fill = field(None, convert=_fill)
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _casts = "always"

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, dtype, count = jax.random.split(key, 5), self.compute_dtype, batch_of(shape)
        height, width = self._sizes(shape)
        sides = jnp.sqrt(jax.random.uniform(keys[0], (2, count), dtype, *_factors.bounds(self.scale)))
        x, y = _interval(keys[1], width, sides[0]), _interval(keys[2], height, sides[1])
        if self.fill_value is None:
            fill = jax.random.normal(keys[3], shape, dtype) * self.value_range[1]
        else:
            fill = jnp.asarray(self.fill_value, dtype)
            fill = jnp.broadcast_to(fill, (1,) * (len(shape) - 1) + (fill.size,))
            fill = jnp.moveaxis(fill, -1, -3) if self.data_format == "channels_first" else fill
        return {
            "apply_erasing": is_true_for(keys[4], count, _factors.bounds(self.factor)),
            "batch_masks": from_last(_inside((height, width), x, y, dtype), self.data_format),
            "fill_value": jnp.clip(fill, *self.value_range),
        }

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        inside, fill = (jnp.asarray(transformation[n]) for n in ("batch_masks", "fill_value"))
        fill = to_last(fill if fill.ndim == 4 else fill[None], self.data_format).astype(images.dtype)
        erased = to_last(inside, self.data_format) & each(transformation["apply_erasing"])
        return jnp.where(erased, fill, images)
