"""What image layers share: which of a dict's entries is transformed how, batches, channel order, and the draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import Layer, as_key, explain, field, is_called_alone
from ...core.typing import Array, ArrayLike, Bool, Config, DTypeLike, Int, Key, KeyLike, PyTree, Shaped
from .. import _arguments as arg
from .._shapes import from_last, to_last
from . import _boxes
from ._types import ImageBatch, ImageData, Images, ImagesOrShape, LabelledBoxes, Labels, Sizes, Transformation


class ImageLayer(Layer):
    """A layer of images, or of a dict of images with what belongs to them.

    The call takes images of shape `(batch, height, width, channels)` or `(height, width, channels)` (channels first
    with that `data_format`), or a dict of them under `"images"` and, each optional, `"labels"`, `"bounding_boxes"`
    (`{"boxes": (batch, n, 4), "labels": (batch, n)}`) and `"segmentation_masks"`; other entries pass unchanged. What a
    call does to them is written as pure functions, under Keras's names: `get_random_transformation(data, seed=key)`
    draws, `transform_images(images, transformation)`, `transform_labels`, `transform_bounding_boxes` and
    `transform_segmentation_masks` apply.

    In a model, and in `apply`, the mode decides: `training=True` acts, and inference is the default. Called by itself
    on arrays, `layer(images)`, a layer acts as in Keras, unless it is told `training=False`.

    Args:
        bounding_box_format: how boxes are written: `"xyxy"`, `"yxyx"`, `"xywh"`, `"center_xywh"`, `"center_yxhw"` in
            pixels, or `"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"`, `"rel_center_xywh"` in fractions of the image.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
    """

    # Of any type for type checkers, which think that these two are a subclass's first arguments by position.
    bounding_box_format: Any = field(None, convert=_boxes.format_name)
    data_format: Any = field(None, convert=arg.data_format)

    # When images are cast to the compute dtype: "always", in "training" only, or "never".
    _casts = "training"
    # Whether inference leaves the images alone.
    _trains = True

    # ------------------------------------------------------------------ the call
    def call(self, data: ImageData, training: bool | None = None) -> ImageData:
        if training is None:  # nobody said: as in Keras, a layer that is called by itself acts
            training = is_called_alone(self)
        images = data["images"] if isinstance(data, Mapping) else data
        is_batched = self._is_batched(images)
        drawn = self.get_random_transformation(data, training=training)
        if not isinstance(data, Mapping):
            return self.transform_images(images, drawn, training=training)
        transformed = {**data, "images": self.transform_images(images, drawn, training=training)}
        transforms: dict[str, Callable[..., PyTree]] = {
            "bounding_boxes": self.transform_bounding_boxes,
            "labels": self.transform_labels,
            "segmentation_masks": self.transform_segmentation_masks,
        }
        for key, transform in transforms.items():
            if key in data:
                value = self._boxes_of(data) if key == "bounding_boxes" else jnp.asarray(data[key])
                value = value if is_batched else jax.tree.map(lambda a: a[None], value)
                value = transform(value, drawn, training=training)
                transformed[key] = value if is_batched else jax.tree.map(lambda a: a[0], value)
        return transformed

    def _is_batched(self, images: Images | jax.ShapeDtypeStruct) -> bool:
        """Whether images have an axis for the batch; an error for another rank."""
        if jnp.ndim(images) not in (3, 4):
            raise ValueError(
                explain(
                    f"{self.path_text()} needs images, of rank 3 or 4.",
                    received=f"shape {tuple(jnp.shape(images))}",
                    usually="the channel axis is missing.",
                    write="x[..., None]",
                )
            )
        return jnp.ndim(images) == 4

    def _boxes_of(self, data: Mapping[str, PyTree]) -> LabelledBoxes:
        """The boxes in a dict, as arrays."""
        if self.bounding_box_format is None:
            raise ValueError(
                explain(
                    f"{self.path_text()} was given bounding boxes without being told how they are written.",
                    received=f"a dict with the keys {sorted(data)}",
                    write=f'{type(self).__name__}(..., bounding_box_format="xyxy")',
                )
            )
        return _boxes.densify(data["bounding_boxes"], self.path_text())

    # ------------------------------------------------------------------ what subclasses say
    def get_random_transformation(
        self, data: ImagesOrShape, training: bool = True, seed: KeyLike | None = None
    ) -> Transformation:
        """What a call would draw.

        Args:
            data: images, or a dict with `"images"`.
            training: in inference nothing is drawn.
            seed: a `jax.random.key` or an integer; inside `apply` the default is `rngs={"dropout": key}`.

        Returns:
            A pytree for the `transform_…` methods; `None` where there is nothing to draw.
        """
        return None

    def transform_images(self, images: Images, transformation: Transformation = None, training: bool = True) -> Images:
        """Images as a transformation makes them.

        Args:
            images: one image or a batch of them.
            transformation: what `get_random_transformation` returned for them.
            training: in inference most layers leave images alone.

        Returns:
            Images, as many as there were.
        """
        images = jnp.asarray(images)
        runs = not self._trains or (training and (transformation is not None or not self._draws))
        if self._casts == "always" or (self._casts == "training" and training):
            images = images.astype(self.compute_dtype)
        return self._on_batch(images, transformation, getattr(self, "interpolation", "")) if runs else images

    # Whether the layer draws, so that there is nothing to apply without a draw.
    _draws = False

    def _on_batch(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        """`_transform` on a batch with its channels last, whatever came in."""
        batch = to_last(images if images.ndim == 4 else images[None], self.data_format)
        transformed = from_last(self._transform(batch, transformation, interpolation), self.data_format)
        return transformed if images.ndim == 4 else transformed[0]

    def _transform(self, images: ImageBatch, transformation: Transformation, interpolation: str) -> ImageBatch:
        """A batch of images, channels last, transformed."""
        return images

    def transform_labels(self, labels: Labels, transformation: Transformation = None, training: bool = True) -> Labels:
        """Labels as a transformation makes them.

        Args:
            labels: a batch of labels.
            transformation: what `get_random_transformation` returned for their images.
            training: in inference labels stay.

        Returns:
            Labels of the same shape.
        """
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        """Boxes as a transformation makes them.

        Args:
            bounding_boxes: `{"boxes": (batch, boxes, 4), "labels": (batch, boxes)}`.
            transformation: what `get_random_transformation` returned for their images.
            training: in inference most layers leave boxes alone.

        Returns:
            A dict of the same form; the label of a box that lies outside its image is -1.
        """
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        """Masks as a transformation makes them.

        Args:
            segmentation_masks: a batch of images of classes.
            transformation: what `get_random_transformation` returned for their images.
            training: in inference most layers leave masks alone.

        Returns:
            Masks, as many as there were.
        """
        return segmentation_masks

    # ------------------------------------------------------------------ tools for subclasses
    def _sizes(self, shape: Sizes) -> tuple[int, int]:
        """Height and width in a shape."""
        return (shape[-2], shape[-1]) if self.data_format == "channels_first" else (shape[-3], shape[-2])

    def _no_boxes(self) -> NotImplementedError:
        return NotImplementedError(
            explain(
                f"{self.path_text()} says nothing about bounding boxes, as in Keras.",
                received='a dict with the key "bounding_boxes"',
                write="the layer on a dict without them",
            )
        )

    def get_config(self) -> Config:
        config = super().get_config()
        if self.bounding_box_format is None:
            del config["bounding_box_format"]
        return config


# Both are by keyword, where a subclass does not give them a place.
ImageLayer._positional = ()


class RandomImageLayer(ImageLayer):
    """An image layer that draws in training and, as a rule, leaves inference alone.

    In a model the key of a draw is `rngs={"dropout": key}`, and `seed` says nothing. Called by itself,
    `layer(images)`, a layer without such a key draws from its `seed` and from what the images are: equal images get an
    equal draw, however often and in whatever order the calls are made, and other images another one. Another draw of
    the same images has another seed, or a key: `layer(images, rngs={"dropout": key})`. Keras counts the calls instead.
    """

    _draws = True

    def get_random_transformation(
        self, data: ImagesOrShape, training: bool = True, seed: KeyLike | None = None
    ) -> Transformation:
        """What a call would draw; see `ImageLayer`."""
        if not training:
            return None
        images = data["images"] if isinstance(data, Mapping) else data
        self._is_batched(images)
        key = self._key_for(images) if seed is None else as_key(seed)
        return self._draw(key, tuple(jnp.shape(images)))

    def _key_for(self, images: Images | jax.ShapeDtypeStruct) -> Key:
        """The key of a draw: the one that was given; by itself also that of the layer's seed and of the images.

        Raises:
            ValueError: by itself, with neither.
        """
        has_key = self.scope is not None and (self.has_rng("dropout") or self.has_rng("params"))  # Linen takes either
        if has_key or (self.scope is not None and not is_called_alone(self)):
            return self.make_rng("dropout")
        seed = getattr(self, "seed", None)
        if seed is None:
            name = type(self).__name__
            raise ValueError(
                explain(
                    f"{self.path_text()} draws random numbers and was given neither a key nor a seed.",
                    received=f"{name}(seed=None) on images of shape {tuple(jnp.shape(images))}",
                    usually="Keras draws from a generator that every layer shares; here randomness is an argument.",
                    write=f'layer(images, rngs={{"dropout": jax.random.key(0)}}), {name}(..., seed=0), '
                    "or layer(images, training=False) to leave them as they are",
                )
            )
        key = as_key(seed)
        return key if isinstance(images, jax.ShapeDtypeStruct) else jax.random.fold_in(key, _content_of(images))

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        """The draw for images of a shape."""
        raise NotImplementedError


def _content_of(images: Images) -> Int[Array, ""]:
    """A number that follows from an array's content alone: the sum of its bits, modulo 2^32."""
    x = jax.lax.stop_gradient(jnp.asarray(images))
    if jnp.issubdtype(x.dtype, jnp.floating):
        x = jax.lax.bitcast_convert_type(x.astype(jnp.float32), jnp.uint32)
        x = x ^ (x >> 16)  # of small whole numbers the lower half is 0
    return jnp.sum(x.astype(jnp.uint32), dtype=jnp.uint32)


def batch_of(shape: Sizes) -> int:
    """How many images a shape holds; one without a batch."""
    return shape[0] if len(shape) == 4 else 1


def each(value: ArrayLike, dtype: DTypeLike | None = None) -> Shaped[Array, "batch 1 1 1"]:
    """A number for each image, in a shape that goes with a batch of images."""
    return jnp.asarray(value, dtype).reshape(-1, 1, 1, 1)


def is_true_for(key: Key, count: int, bounds: tuple[float, float]) -> Bool[Array, " count"]:
    """For each image whether it is transformed, with a probability that is itself drawn within bounds."""
    keys = jax.random.split(key)
    probability = jax.random.uniform(keys[0], (count,), minval=bounds[0], maxval=bounds[1])
    return jax.random.uniform(keys[1], (count,)) < probability
