"""Random choices among the other layers: RandAugment and AugMix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ...core import field, register
from ...core.typing import Array, Key
from .. import _arguments as arg
from . import _factors
from ._affine import RandomRotation, RandomShear, RandomTranslation
from ._base import ImageLayer, RandomImageLayer
from ._colour import RandomBrightness, RandomColorDegeneration, RandomContrast
from ._filter import RandomSharpness
from ._histogram import Equalization
from ._tone import AutoContrast, RandomPosterization, Solarization
from ._types import Factor, Images, LabelledBoxes, Sizes, Transformation, ValueRange


class PolicyLayer(RandomImageLayer):
    """An image layer that chooses among others; a subclass has `value_range`, `factor` and `interpolation`."""

    factor: Factor = field(0.5, convert=_factors.factor(0, 1))
    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    interpolation: str = field("bilinear", convert=_factors.interpolation)

    _casts = "always"
    _names: ClassVar[tuple[str, ...]] = ()

    def _layers(self) -> dict[str, ImageLayer]:
        """The layers to choose from, by name, in their order."""
        f, data_format = _factors.bounds(self.factor), self.data_format
        common = {
            "dtype": self.dtype,
            "data_format": data_format,
            "bounding_box_format": self.bounding_box_format,
            "parent": None,  # not submodules: they have no weights, and are only asked what they would do
        }
        geometric = {"interpolation": self.interpolation, **common}
        colour = {"value_range": self.value_range, **common}
        makers: dict[str, Callable[[], ImageLayer]] = {
            "random_shear": lambda: RandomShear(f, f, **geometric),
            "random_translation": lambda: RandomTranslation(f, f, **geometric),
            "random_rotation": lambda: RandomRotation(f, **geometric),
            "random_brightness": lambda: RandomBrightness(f, **colour),
            "random_color_degeneration": lambda: RandomColorDegeneration(f, **colour),
            "random_contrast": lambda: RandomContrast(f, **colour),
            "random_sharpness": lambda: RandomSharpness(f, **colour),
            "random_posterization": lambda: RandomPosterization(max(1, int(8 * f[1])), **colour),
            "solarization": lambda: Solarization(f, f, **colour),
            "auto_contrast": lambda: AutoContrast(**colour),
            "equalization": lambda: Equalization(**colour),
        }
        return {name: makers[name]() for name in self._chosen()}

    def _chosen(self) -> tuple[str, ...]:
        return self._names

    def _draw_all(self, key: Key, shape: Sizes) -> dict[str, Transformation]:
        """A draw of each layer, by name."""
        layers = self._layers()
        images = jax.ShapeDtypeStruct(shape, jnp.dtype(self.compute_dtype))
        keys = jax.random.split(key, len(layers))
        return {
            name: layer.get_random_transformation(images, seed=k)
            for k, (name, layer) in zip(keys, layers.items(), strict=True)
        }

    def _branches(self, drawn: Mapping[str, Transformation], masks: bool) -> list[Callable[[Images], Images]]:
        """For each layer the function that applies its draw to images, or to masks."""

        def applied(layer: ImageLayer, draw: Transformation) -> Callable[[Images], Images]:
            transform = layer.transform_segmentation_masks if masks else layer.transform_images
            return lambda values: jnp.asarray(transform(values, draw)).astype(values.dtype)

        return [applied(layer, drawn[name]) for name, layer in self._layers().items()]


PolicyLayer._positional = ()


@register("keras.layers")
class RandAugment(PolicyLayer):
    """In training, `num_ops` random layers of eleven, one after another, the same for the whole batch.

    The eleven: shear, translation, rotation, brightness, colour degeneration, contrast, sharpness, posterization,
    solarization, auto contrast, equalization.

    Args:
        value_range: the smallest and the largest value of a pixel.
        num_ops: how many are applied.
        factor: their strength in [0, 1], or its bounds.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        bounding_box_format: how boxes are written, when there are any.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`.

    >>> import fkeras as fk, jax
    >>> drawn = fk.nn.RandAugment().get_random_transformation(jax.numpy.ones((2, 8, 8, 3)), seed=0)
    >>> drawn["layer_idxes"].shape, len(drawn["transforms"])
    ((2,), 11)

    Reference: Cubuk et al., RandAugment (2020).
    https://keras.io/api/layers/preprocessing_layers/image_augmentation/rand_augment/
    As in Keras 3.15, boxes go through each chosen layer once, in the layers' order.
    """

    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    num_ops: int = field(2, convert=lambda value: arg.positive_int(value, "num_ops"))
    factor: Factor = field(0.5, convert=_factors.factor(0, 1))
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _names = (
        "random_shear",
        "random_translation",
        "random_rotation",
        "random_brightness",
        "random_color_degeneration",
        "random_contrast",
        "random_sharpness",
        "random_posterization",
        "solarization",
        "auto_contrast",
        "equalization",
    )

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys = jax.random.split(key)
        chosen = jax.random.randint(keys[0], (self.num_ops,), 0, len(self._names))
        return {"transforms": self._draw_all(keys[1], shape), "layer_idxes": chosen}

    def _run(self, values: Array, transformation: Transformation, masks: bool) -> Array:
        branches = self._branches(transformation["transforms"], masks)
        chosen = jnp.asarray(transformation["layer_idxes"], "int32")

        def step(values: Array, index: Array) -> tuple[Array, None]:
            return jax.lax.switch(index, branches, values), None

        return jax.lax.scan(step, values, chosen)[0]

    def transform_images(self, images: Images, transformation: Transformation = None, training: bool = True) -> Images:
        images = jnp.asarray(images).astype(self.compute_dtype)
        return self._run(images, transformation, False) if training and transformation is not None else images

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        if not training or transformation is None:
            return segmentation_masks
        return self._run(jnp.asarray(segmentation_masks), transformation, True)

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        if not training or transformation is None:
            return bounding_boxes
        chosen = jnp.asarray(transformation["layer_idxes"])
        result = dict(bounding_boxes)
        for index, (name, layer) in enumerate(self._layers().items()):
            moved = layer.transform_bounding_boxes(result, transformation["transforms"][name])
            hit = jnp.any(chosen == index)
            result = {**result, **{k: jnp.where(hit, moved[k], result[k]) for k in ("boxes", "labels")}}
        return result


@register("keras.layers")
class AugMix(PolicyLayer):
    """In training, images mixed with several chains of random layers, the same for the whole batch.

    Each of `num_chains` chains applies `chain_depth` random layers or fewer; their results are mixed with Dirichlet
    weights, and that with the image with a Beta weight.

    Args:
        value_range: the smallest and the largest value of a pixel.
        num_chains: how many chains there are.
        chain_depth: how many layers a chain has at most.
        factor: the layers' strength in [0, 1], or its bounds.
        alpha: the concentration of the weights.
        all_ops: whether brightness, colour degeneration, contrast and sharpness are among the layers, beside shear,
            translation, rotation, posterization, solarization, auto contrast and equalization.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: of the draws of `layer(images)` by itself; in a model they come from `rngs={"dropout": key}`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, h, w, 3)` or `(h, w, 3)`, or a dict with `"images"`. Boxes pass unchanged, as in Keras.

    >>> import fkeras as fk, jax
    >>> drawn = fk.nn.AugMix(num_chains=2).get_random_transformation(jax.numpy.ones((2, 8, 8, 3)), seed=0)
    >>> drawn["chain_mixing_weights"].shape, drawn["layer_idxes"].shape
    ((2,), (2, 3))

    Reference: Hendrycks et al., AugMix (2020).
    https://keras.io/api/layers/preprocessing_layers/image_augmentation/aug_mix/
    The chains are drawn from the key like all else, where Keras draws them in Python, once for a compiled program. So
    `chain_transforms` holds arrays over chain and depth, and `layer_idxes` which layer runs (the last: none).
    """

    value_range: ValueRange = field((0, 255), convert=_factors.value_range)
    num_chains: int = field(3, convert=lambda value: arg.positive_int(value, "num_chains"))
    chain_depth: int = field(3, convert=lambda value: arg.positive_int(value, "chain_depth"))
    factor: Factor = field(0.3, convert=_factors.factor(0, 1))
    alpha: float = 1.0
    all_ops: bool = True
    interpolation: str = field("bilinear", convert=_factors.interpolation)
    seed: int | None = None
    data_format: Any = field(None, convert=arg.data_format)

    _names = (
        "random_shear",
        "random_translation",
        "random_rotation",
        "random_posterization",
        "solarization",
        "auto_contrast",
        "equalization",
        "random_brightness",
        "random_color_degeneration",
        "random_contrast",
        "random_sharpness",
    )

    def _chosen(self) -> tuple[str, ...]:
        return self._names if self.all_ops else self._names[:7]

    def _draw(self, key: Key, shape: Sizes) -> Transformation:
        keys, size = jax.random.split(key, 4), (self.num_chains, self.chain_depth)
        each_step = jax.vmap(jax.vmap(lambda k: self._draw_all(k, shape)))
        return {
            "chain_mixing_weights": jax.random.dirichlet(keys[0], jnp.full(self.num_chains, float(self.alpha))),
            "weight_sample": jax.random.beta(keys[1], self.alpha, self.alpha),
            "layer_idxes": jax.random.randint(keys[2], size, 0, len(self._chosen()) + 1),
            "chain_transforms": each_step(jax.random.split(keys[3], size)),
        }

    def _run(self, values: Array, transformation: Transformation, masks: bool) -> Array:
        dtype = self.compute_dtype

        def step(transformed: Array, chosen: tuple[Array, Transformation]) -> tuple[Array, None]:
            index, drawn = chosen
            return jax.lax.switch(index, [*self._branches(drawn, masks), lambda v: v], transformed), None

        def chain(mixed: Array, chosen: tuple[Array, Array, Transformation]) -> tuple[Array, None]:
            weight, index, drawn = chosen
            transformed = jax.lax.scan(step, values, (index, drawn))[0]
            return mixed + transformed.astype(dtype) * weight, None

        weights = jnp.asarray(transformation["chain_mixing_weights"], dtype)
        chains = (weights, transformation["layer_idxes"], transformation["chain_transforms"])
        mixed = jax.lax.scan(chain, jnp.zeros(values.shape, dtype), chains)[0]
        kept = jnp.asarray(transformation["weight_sample"], dtype)
        return kept * values + (1 - kept) * mixed

    def transform_images(self, images: Images, transformation: Transformation = None, training: bool = True) -> Images:
        images = jnp.asarray(images).astype(self.compute_dtype)
        if not training or transformation is None:
            return images
        return jnp.clip(self._run(images, transformation, False), *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Images, transformation: Transformation = None, training: bool = True
    ) -> Images:
        if not training or transformation is None:
            return segmentation_masks
        return self._run(jnp.asarray(segmentation_masks), transformation, True)
