"""Geometry on batches of images with their channels last: where each pixel comes from, and the blur."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import ndimage

from ...core.typing import Array, ArrayLike, DTypeLike, Float, Num
from ._types import ImageBatch

ORDERS = {"nearest": 0, "bilinear": 1}


def sample(
    images: ImageBatch, rows: Num[Array, "batch height width"], columns: Num[Array, "batch height width"],
    interpolation: str, mode: str, fill: ArrayLike,
) -> ImageBatch:  # fmt: skip
    """Images read at given places.

    Args:
        images: `(batch, height, width, channels)`.
        rows, columns: `(batch, height, width)`, in pixels.
        interpolation: `"nearest"` or `"bilinear"`.
        mode, fill: what lies outside, as in `jax.scipy.ndimage.map_coordinates`.

    Returns:
        Images of the size of `rows`.
    """

    def channel(image: Array, row: Array, column: Array) -> Array:
        return ndimage.map_coordinates(image, [row, column], order=ORDERS[interpolation], mode=mode, cval=fill)

    image = jax.vmap(channel, in_axes=(-1, None, None), out_axes=-1)
    return jax.vmap(image)(images, rows, columns)


def grid(images: Array, dtype: DTypeLike) -> tuple[Array, Array]:
    """The row and the column of each pixel, `(1, height, width)`."""
    rows, columns = jnp.meshgrid(*(jnp.arange(n, dtype=dtype) for n in images.shape[1:3]), indexing="ij")
    return rows[None], columns[None]


def affine(
    images: ImageBatch, transform: Num[Array, "*batch 8"], interpolation: str, mode: str, fill: ArrayLike
) -> ImageBatch:
    """Images under affine maps `(a0, a1, a2, b0, b1, b2, …)` from an output pixel to the input's.

    `x_in = a0 x + a1 y + a2`, `y_in = b0 x + b1 y + b2`; the map is `(batch, 8)`, or `(8,)` for one image.
    """
    a0, a1, a2, b0, b1, b2 = (transform.reshape(-1, 8)[:, i].reshape(-1, 1, 1) for i in range(6))
    rows, columns = grid(images, a0.dtype)
    return sample(images, b0 * columns + b1 * rows + b2, a0 * columns + a1 * rows + a2, interpolation, mode, fill)


def homography(start: Num[Array, "batch 4 2"], end: Num[Array, "batch 4 2"]) -> Float[Array, "batch 8"]:
    """The eight numbers of the projections that take the points `end` to `start`, each `(batch, 4, 2)`."""
    x, y = end[..., 0], end[..., 1]
    zeros, ones = jnp.zeros_like(x), jnp.ones_like(x)
    from_x = jnp.stack([x, y, ones, zeros, zeros, zeros, -start[..., 0] * x, -start[..., 0] * y], axis=-1)
    from_y = jnp.stack([zeros, zeros, zeros, x, y, ones, -start[..., 1] * x, -start[..., 1] * y], axis=-1)
    target = jnp.concatenate([start[..., 0], start[..., 1]], axis=-1)[..., None]
    return jnp.linalg.solve(jnp.concatenate([from_x, from_y], axis=1), target)[..., 0]


def perspective(
    images: ImageBatch,
    start: Num[Array, "batch 4 2"],
    end: Num[Array, "batch 4 2"],
    interpolation: str,
    fill: ArrayLike,
) -> ImageBatch:
    """Images with the points `start` moved to `end`."""
    h = [m.reshape(-1, 1, 1) for m in homography(start.astype("float32"), end.astype("float32")).T]
    rows, columns = grid(images, "float32")
    depth = h[6] * columns + h[7] * rows + 1.0
    x = (h[0] * columns + h[1] * rows + h[2]) / depth
    y = (h[3] * columns + h[4] * rows + h[5]) / depth
    return sample(images, y, x, interpolation, "constant", fill)


def gaussian(size: int, sigma: Float[Array, ""], reach: ArrayLike | None = None) -> Float[Array, " size"]:
    """A normalised bell of `size` places; beyond `reach` from the middle it is 0."""
    x = jnp.arange(size, dtype=sigma.dtype) - (size - 1) / 2
    bell = jnp.exp(-0.5 * (x / sigma) ** 2)
    bell = bell if reach is None else jnp.where(jnp.abs(x) <= reach, bell, 0)
    return bell / jnp.sum(bell)


def filtered(images: ImageBatch, kernel: Float[Array, "rows columns"]) -> ImageBatch:
    """Each channel of each image convolved with one kernel `(rows, columns)`, with zeros outside."""
    channels = images.shape[-1]
    kernel = jnp.broadcast_to(kernel[:, :, None, None], (*kernel.shape, 1, channels)).astype(images.dtype)
    return lax.conv_general_dilated(
        images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=channels
    )
