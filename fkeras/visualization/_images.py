"""Batches of images as arrays of numpy, in the order that pictures are drawn in."""

from __future__ import annotations

import numpy as np

from ..config import image_data_format
from ..core import explain
from ..core.typing import ArrayLike

_FORMATS = ("channels_last", "channels_first")


def checked_images(images: ArrayLike, owner: str) -> np.ndarray:
    """Images as an array of four axes.

    Raises:
        ValueError: another number of axes.
    """
    array = np.asarray(images)
    if array.ndim != 4:
        raise ValueError(
            explain(
                f"{owner} takes a batch of images, an array of four axes.",
                received=f"an array of shape {array.shape}",
                usually="one image without the axis of the batch.",
                write="images[None]" if array.ndim == 3 else "images of shape (batch, height, width, channels)",
            )
        )
    return array


def checked_format(data_format: str | None) -> str:
    """Where the channels are; what the config says by default.

    Raises:
        ValueError: another word.
    """
    given = data_format or image_data_format()
    if given not in _FORMATS:
        raise ValueError(
            explain(
                f"data_format is one of {', '.join(_FORMATS)}.",
                received=repr(data_format),
                write='data_format="channels_last"',
            )
        )
    return given
