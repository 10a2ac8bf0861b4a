"""`smart_resize`: images of one size, without distortion."""

from __future__ import annotations

import numpy as np

from ..core import explain
from ..core.typing import ArrayLike, Num
from ..nn import ops


def smart_resize(
    x: Num[ArrayLike, "... height width channels"],
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Num[ArrayLike, "... new_height new_width channels"]:
    """Images cut to the proportions of a size around their middle, and resized to it.

    Args:
        x: an image or a batch of images.
        size: `(height, width)`.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        The images: an array of numpy where `x` is one, else of JAX.

    Raises:
        ValueError: another rank, or a size that is not one.

    >>> smart_resize(np.ones((8, 5, 3), "float32"), (2, 2)).shape
    (2, 2, 3)

    Reference: https://keras.io/api/data_loading/image/
    """
    images = ops.convert_to_tensor(x)
    if images.ndim not in (3, 4) or len(size) != 2 or min(size) < 1:
        raise ValueError(
            explain(
                "smart_resize takes an image or a batch of them, and a height and a width.",
                received=f"shape {images.shape}, size={size!r}",
                usually="an image without its channels, or one number for both.",
                write="fk.preprocessing.image.smart_resize(x, (200, 200))",
            )
        )
    rows = images.ndim - (3 if data_format == "channels_last" else 2)
    height, width = images.shape[rows : rows + 2]
    new_height = max(min(height, width * size[0] // size[1]), 1)
    new_width = max(min(width, height * size[1] // size[0]), 1)
    top, left = (height - new_height) // 2, (width - new_width) // 2
    where = [slice(None)] * images.ndim
    where[rows], where[rows + 1] = slice(top, top + new_height), slice(left, left + new_width)
    resized = ops.image.resize(images[tuple(where)], size, interpolation=interpolation, data_format=data_format)
    return np.array(resized) if isinstance(x, np.ndarray) else resized
