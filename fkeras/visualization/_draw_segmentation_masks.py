"""`draw_segmentation_masks`: a colour for each class on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..core import explain
from ..core.typing import ArrayLike
from ._images import checked_format, checked_images

# Of which the colour of class i is i times, modulo 255.
_PALETTE = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])


def draw_segmentation_masks(
    images: ArrayLike,
    segmentation_masks: ArrayLike,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with the classes of their pixels as colours on them.

    `(1 - alpha) · image + alpha · colour` where a pixel's class has a colour.

    Args:
        images: `(batch, height, width, channels)`, of 0 to 255.
        segmentation_masks: the class of each pixel, integers, `(batch, height, width)` or with an axis of 1 behind.
        num_classes: classes from this on have no colour; by default every one has.
        color_mapping: red, green and blue for each class; by default each has one of its own, and class 0 is black.
        alpha: how much of the colour is seen, from 0 to 1.
        blend: whether it is mixed with the image; if not, it replaces it.
        ignore_index: the class of pixels that are left as they are.
        data_format: `"channels_last"` or `"channels_first"`; that of the config by default.

    Returns:
        An array with the channels last: `uint8`, or `float32` for `blend=False`.

    Raises:
        TypeError: masks that are no integers.
        ValueError: images that are no batch, masks of another shape, a class without a colour.

    >>> import fkeras as fk
    >>> masks = np.array([[[0, 1], [1, -1]]])
    >>> drawn = fk.visualization.draw_segmentation_masks(np.full((1, 2, 2, 3), 100), masks, ignore_index=0)
    >>> drawn[0, :, :, 0]
    array([[100,  20],
           [ 20, 100]], dtype=uint8)

    Reference: https://keras.io/api/visualization/draw_segmentation_masks/
    Keras leaves out the highest class where `num_classes` is not given, draws `ignore_index` with `blend=False`, wants
    a colour for class 0 and an axis of 1 behind the masks; the pixels are the same otherwise.
    """
    array, masks = checked_images(images, "draw_segmentation_masks"), np.asarray(segmentation_masks)
    if not np.issubdtype(masks.dtype, np.integer):
        raise TypeError(
            explain(
                "segmentation_masks are the classes of pixels, integers.",
                received=f"an array of {masks.dtype}",
                usually="probabilities, of which the class is the largest.",
                write="masks.argmax(-1)" if masks.ndim == 4 and masks.shape[-1] > 1 else 'masks.astype("int32")',
            )
        )
    if checked_format(data_format) == "channels_first":
        array = np.moveaxis(array, 1, -1)
        masks = masks[:, 0] if masks.ndim == 4 else masks
    elif masks.ndim == 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if masks.shape != array.shape[:3]:
        raise ValueError(
            explain(
                "A mask has a class for each pixel of its image.",
                received=f"masks of shape {np.shape(segmentation_masks)} for images of shape {np.shape(images)}",
                write="masks of shape (batch, height, width)",
            )
        )
    count = int(masks.max(initial=-1)) + 1 if num_classes is None else num_classes
    plain = array.astype("float32")
    painted = plain.copy()
    for i in range(count):
        if i == ignore_index or not (masks == i).any():
            continue
        if color_mapping is None:
            painted[masks == i] = i * _PALETTE % 255
        elif i in color_mapping:
            painted[masks == i] = color_mapping[i]
        elif i:
            raise ValueError(
                explain(
                    f"Class {i} has no colour.",
                    received=f"color_mapping for {sorted(color_mapping)}",
                    usually="the classes of the masks are counted from another number.",
                    write=f"color_mapping={{{i}: (255, 0, 0), ...}}, or ignore_index={i}",
                )
            )
    if not blend:
        return painted
    mixed = plain * (1 - alpha) + painted * alpha
    return np.where((masks != ignore_index)[..., None], mixed, plain).astype("uint8")
