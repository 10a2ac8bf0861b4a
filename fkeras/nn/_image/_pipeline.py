"""Preprocessing layers one after another, and the number of boxes."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from ...core import Layer, explain, field, register
from ...core.typing import Array, Config, Num, PyTree
from .. import _arguments as arg
from ._base import ImageLayer
from ._types import LabelledBoxes, Transformation


def _layers(value: Sequence[Layer]) -> tuple[Layer, ...]:
    """A converter: layers as a tuple."""
    if not isinstance(value, list | tuple) or not all(isinstance(v, Layer) for v in value):
        raise ValueError(
            explain(
                "A Pipeline needs a list of layers.",
                received=repr(value)[:80],
                usually="a single layer, or a class instead of its instance.",
                write="fk.nn.Pipeline([fk.nn.Resizing(224, 224), fk.nn.RandomFlip()])",
            )
        )
    return tuple(value)


@register("keras.layers")
class Pipeline(Layer):
    """Layers one after another, on arrays or on dicts of them.

    Args:
        layers: the layers, in their order.

    Raises:
        ValueError: no list of layers.

    >>> import fkeras as fk
    >>> fk.nn.Pipeline([fk.nn.Resizing(8, 8), fk.nn.Rescaling(1 / 255)])(fk.Input((None, None, 3))).shape
    (None, 8, 8, 3)

    Reference: https://keras.io/api/layers/preprocessing_layers/pipeline/
    """

    _last_by_position = ("name",)
    layers: Sequence[Layer] = field(convert=_layers)

    def call(self, inputs: PyTree, training: bool | None = None, mask: PyTree = None) -> PyTree:
        for layer in self.layers:
            names = layer._call_parameters.names
            given = {"training": training, "mask": mask}
            outputs = layer(inputs, **{k: v for k, v in given.items() if k in names})
            mask = layer.compute_mask(inputs, mask)
            inputs = outputs
        return inputs

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k in ("name", "layers")}


@register("keras.layers")
class MaxNumBoundingBoxes(ImageLayer):
    """As many boxes for each image as `max_number`: more are left out, fewer filled up.

    Args:
        max_number: how many.
        fill_value: what boxes and labels are filled up with.
        bounding_box_format: how boxes are written.

    Input: a dict with `"images"` and `"bounding_boxes"`; all but the boxes passes unchanged.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> boxes = {"boxes": jnp.ones((1, 1, 4)), "labels": jnp.array([[7]])}
    >>> fk.nn.MaxNumBoundingBoxes(3).transform_bounding_boxes(boxes)["labels"]
    Array([[ 7, -1, -1]], dtype=int32)

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/max_num_bounding_boxes/
    """

    max_number: int = field(convert=lambda value: arg.positive_int(value, "max_number"))
    fill_value: int = field(-1, convert=int)

    _casts = "never"

    def transform_bounding_boxes(
        self, bounding_boxes: LabelledBoxes, transformation: Transformation = None, training: bool = True
    ) -> LabelledBoxes:
        def fit(values: Num[Array, "batch boxes ..."]) -> Num[Array, "batch max_number ..."]:
            values = jnp.asarray(values)[:, : self.max_number]
            widths = [(0, 0), (0, self.max_number - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
            return jnp.pad(values, widths, constant_values=self.fill_value)

        return {**bounding_boxes, **{k: fit(bounding_boxes[k]) for k in ("boxes", "labels")}}

    def get_config(self) -> Config:
        # Keras forgets the fill value; it is written where it is not the default
        return {k: v for k, v in super().get_config().items() if k != "fill_value" or v != -1}
