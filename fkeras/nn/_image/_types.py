"""The words that signatures of image layers use, beside those of `fkeras.core.typing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import jax
import numpy as np

from ...core.typing import Array, Float, Num, PyTree

if TYPE_CHECKING:
    #: One image, or a batch of them; channels first with that `data_format`.
    Images: TypeAlias = Num[Array | np.ndarray, "*batch height width channels"]
    #: A batch of images with the channels last.
    ImageBatch: TypeAlias = Num[Array, "batch height width channels"]
    #: One row of numbers for each example.
    Labels: TypeAlias = Num[Array | np.ndarray, "batch ..."]
    #: Boxes in any way of writing.
    Boxes: TypeAlias = Float[Array, "*batch boxes 4"]
else:
    ImageBatch = Boxes = jax.Array
    Images = Labels = jax.Array | np.ndarray

#: `{"boxes": (batch, boxes, 4), "labels": (batch, boxes)}`.
LabelledBoxes: TypeAlias = Mapping[str, Array]
#: Images, or a dict of them under `"images"` with what belongs to them.
ImageData: TypeAlias = Images | Mapping[str, PyTree]
#: What says how many images there are, and of which size: images, or their shape.
ImagesOrShape: TypeAlias = ImageData | jax.ShapeDtypeStruct
#: What `get_random_transformation` draws and the `transform_…` methods apply; `None` where nothing is drawn.
Transformation: TypeAlias = PyTree
#: A shape's sizes. Those of a graph may be symbolic dimensions, which calculate as integers do.
Sizes: TypeAlias = tuple[int, ...]
#: A strength, or its two bounds.
Factor: TypeAlias = float | Sequence[float]
#: The smallest and the largest value of a pixel.
ValueRange: TypeAlias = Sequence[float]
