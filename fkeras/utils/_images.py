"""Images as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import explain
from ..core.typing import DTypeLike, Float


def img_to_array(
    img: Any, data_format: str | None = None, dtype: DTypeLike | None = None
) -> Float[np.ndarray, "height width channels"]:
    """An image of Pillow, or rows of numbers, as an array with an axis for its channels.

    Args:
        img: an image, or anything that numpy turns into an array of two or three axes.
        data_format: `"channels_last"`, the default, or `"channels_first"`.
        dtype: the dtype of the result; float32 by default.

    Returns:
        An array of numpy; channels come first where that was asked for.

    Raises:
        ValueError: an array of another rank, or another order of axes.

    >>> img_to_array(np.zeros((4, 6))).shape
    (4, 6, 1)

    Reference: https://keras.io/api/data_loading/image/
    """
    array = np.asarray(img, dtype=dtype or "float32")
    if data_format not in (None, "channels_last", "channels_first") or array.ndim not in (2, 3):
        raise ValueError(
            explain(
                "An image has rows, columns and channels.",
                received=f"shape {array.shape}, data_format={data_format!r}",
                usually="a batch of images.",
                write='fk.utils.img_to_array(images[0], data_format="channels_last")',
            )
        )
    image = array if array.ndim == 3 else array[..., None]
    return image.transpose(2, 0, 1) if data_format == "channels_first" else image
