"""One image in another size, in numpy: files have many sizes, and a compiled program for each would cost more."""

from __future__ import annotations

import math

import numpy as np

from ...core.typing import Float, Int

_Image = Float[np.ndarray, "height width channels"]
_Taps = tuple[Int[np.ndarray, "size taps"], Float[np.ndarray, "size taps"]]


def resized(
    image: _Image, size: tuple[int, int], interpolation: str, crop: bool = False, pad: bool = False
) -> Float[np.ndarray, "new_height new_width channels"]:
    """An image in another size, by the same weights as `jax.image.resize` without antialiasing, in float32.

    Args:
        image: the image.
        size: `(height, width)`.
        interpolation: one of `INTERPOLATIONS`.
        crop: whether to cut sides off first, so that nothing is stretched.
        pad: whether to fill sides up with zeros first, so that nothing is stretched.

    >>> resized(np.arange(2.0, dtype="float32").reshape(1, 2, 1), (1, 4), "bilinear")[0, :, 0].tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    image = image.astype("float32", copy=False)
    (rows, columns), (height, width) = image.shape[:2], size
    if crop:
        high, wide = min(rows, int(columns * height / width)) or 1, min(columns, int(rows * width / height)) or 1
        top, left = (rows - high) // 2, (columns - wide) // 2
        image = image[top : top + high, left : left + wide]
    elif pad:  # as Keras on JAX: the frame is whole pixels of the image, the same on both sides
        above = (max(rows, int(columns * height / width)) - rows) // 2
        beside = 0 if above else (max(columns, int(rows * width / height)) - columns) // 2
        image = np.pad(image, ((above, above), (beside, beside), (0, 0)))
    if image.shape[:2] == size:
        return image
    for axis, to in enumerate(size):
        if image.shape[axis] != to or interpolation in _SMOOTHS:
            image = _along(image, axis, *_taps(image.shape[axis], to, interpolation))
    return image


def _along(image: np.ndarray, axis: int, indices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    shape = [1, 1, 1]
    shape[axis] = len(indices)
    parts = (weights[:, tap].reshape(shape) * np.take(image, indices[:, tap], axis) for tap in range(indices.shape[1]))
    total: np.ndarray = next(parts)
    for part in parts:
        total += part
    return total


def _taps(size: int, to: int, interpolation: str) -> _Taps:
    """Of each new pixel, the old ones that it is made of, and their weights."""
    places = np.arange(to, dtype="float32")
    if interpolation == "nearest":
        indices = np.floor((places + 0.5) * np.float32(size) / np.float32(to)).astype("int32")
        return np.minimum(indices, size - 1)[:, None], np.ones((to, 1), "float32")
    inverse = np.float32(1) / np.float32(to / size)
    if interpolation == "area":  # how much of each old pixel lies under the new one
        begin = places * inverse
        indices = np.floor(begin).astype("int32")[:, None] + np.arange(math.ceil(size / to) + 1)
        weights = np.minimum(begin[:, None] + inverse, indices + 1) - np.maximum(begin[:, None], indices)
        weights = np.maximum(weights, 0)
    else:
        radius, kernel = INTERPOLATIONS[interpolation]
        centre = (places + np.float32(0.5)) * inverse - np.float32(0.5)
        indices = np.floor(centre).astype("int32")[:, None] + np.arange(1 - math.ceil(radius), math.ceil(radius) + 1)
        weights = kernel(np.abs(centre[:, None] - indices.astype("float32")))
    weights = np.where((indices >= 0) & (indices < size), weights, 0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.clip(indices, 0, size - 1), weights.astype("float32")


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(x: np.ndarray) -> np.ndarray:
    """R. G. Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -1/2."""
    near, far = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _mitchell(x: np.ndarray) -> np.ndarray:
    """D. Mitchell and A. Netravali, Reconstruction filters in computer graphics, 1988, with B = C = 1/3."""
    near = (7 / 6 * x - 2) * x * x + 8 / 9
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _gaussian(x: np.ndarray) -> np.ndarray:
    """A standard deviation of half a pixel, cut off at three of them."""
    return np.where(x >= 1.5, 0, np.exp(-(x**2) / (2 * 0.5**2)))


def _lanczos3(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 3, 0, np.sinc(x) * np.sinc(x / 3))


def _lanczos5(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 5, 0, np.sinc(x) * np.sinc(x / 5))


#: Kernels that change an image of the same size too.
_SMOOTHS = ("gaussian", "mitchellcubic")
#: Kernels by name, each with how far it reaches.
INTERPOLATIONS = {
    "bilinear": (1.0, _triangle),
    "nearest": (0.0, _triangle),
    "bicubic": (2.0, _cubic),
    "area": (0.0, _triangle),
    "lanczos3": (3.0, _lanczos3),
    "lanczos5": (5.0, _lanczos5),
    "gaussian": (1.5, _gaussian),
    "mitchellcubic": (2.0, _mitchell),
}
