"""`fk.ops.image`: geometry, colours and measures of images, with Keras's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import ndimage

from ...core import explain
from .._image import Resizing, _colours, _warps
from .._shapes import from_last, to_last
from ._neural import conv


def _batched(function: Callable[[jax.Array], jax.Array], images: Any, data_format: Any) -> jax.Array:
    """`function` of a batch with its channels last, for any images."""
    images = jnp.asarray(images)
    if images.ndim not in (3, 4):
        raise ValueError(
            explain(
                "Images have rank 3, or 4 with a batch.",
                received=f"shape {images.shape}",
                usually="the channel axis is missing.",
                write="x[..., None]",
            )
        )
    order = data_format or "channels_last"
    batch = to_last(images if images.ndim == 4 else images[None], order)
    made = from_last(function(batch), order)
    return made if images.ndim == 4 else made[0]


def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: Any = None,
) -> jax.Array:
    """Images in another size."""
    images = jnp.asarray(images)
    layer: Any = Resizing(
        height=size[0],
        width=size[1],
        interpolation=interpolation,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio,
        fill_mode=fill_mode,
        fill_value=fill_value,
        antialias=antialias,
        data_format=data_format,
        dtype=str(images.dtype) if jnp.issubdtype(images.dtype, jnp.floating) else "float32",
    )
    return layer(images)


def affine_transform(
    images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: Any = 0,
    data_format: Any = None,
) -> jax.Array:  # fmt: skip
    """Images under affine maps `(a0, a1, a2, b0, b1, b2, 0, 0)` from an output pixel to the input's."""
    maps = jnp.asarray(transform)
    return _batched(lambda x: _warps.affine(x, maps, interpolation, fill_mode, fill_value), images, data_format)


def perspective_transform(
    images: Any, start_points: Any, end_points: Any, interpolation: str = "bilinear", fill_value: Any = 0,
    data_format: Any = None,
) -> jax.Array:  # fmt: skip
    """Images with four points moved to four others."""
    start, end = (jnp.asarray(p).reshape(-1, 4, 2) for p in (start_points, end_points))
    return _batched(lambda x: _warps.perspective(x, start, end, interpolation, fill_value), images, data_format)


def map_coordinates(inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0) -> Any:
    """An array read at places between its entries."""
    return ndimage.map_coordinates(jnp.asarray(inputs), list(coordinates), order, fill_mode, fill_value)


def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: Any = None
) -> jax.Array:
    """Images under a bell of the given size and width."""

    def blur(x: jax.Array) -> jax.Array:
        widths = jnp.asarray(sigma, x.dtype)
        across, down = (_warps.gaussian(kernel_size[i], widths[i]) for i in range(2))
        return _warps.filtered(x, jnp.outer(down, across))

    return _batched(blur, images, data_format)


def elastic_transform(
    images: Any, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
    fill_value: float = 0.0, seed: Any = None, data_format: Any = None,
) -> jax.Array:  # fmt: skip
    """Images bent by a smooth random field.

    Args:
        seed: an integer or a `jax.random.key`; there is no randomness without one.
    """
    if seed is None:
        raise ValueError(
            explain(
                "elastic_transform needs a seed.",
                usually="Keras draws one from its global state; here randomness is an argument.",
                write="fk.ops.image.elastic_transform(images, seed=jax.random.key(0))",
            )
        )
    key = jax.random.key(seed) if isinstance(seed, int | np.integer) else seed
    size = int(6 * sigma) | 1

    def bend(x: jax.Array) -> jax.Array:
        field = jax.random.normal(key, (*x.shape[:3], 2), x.dtype) * sigma
        bell = _warps.gaussian(size, jnp.asarray(sigma, x.dtype))
        smooth = _warps.filtered(field, jnp.outer(bell, bell))
        rows, columns = _warps.grid(x, x.dtype)
        places = rows + alpha * smooth[..., 1], columns + alpha * smooth[..., 0]
        return _warps.sample(x, *places, interpolation, fill_mode, fill_value)

    return _batched(bend, images, data_format)


def rgb_to_grayscale(images: Any, data_format: Any = None) -> jax.Array:
    """Luma, one channel."""
    return _batched(_colours.rgb_to_grayscale, images, data_format)


def rgb_to_hsv(images: Any, data_format: Any = None) -> jax.Array:
    """Hue, saturation and value."""
    return _batched(_colours.rgb_to_hsv, images, data_format)


def hsv_to_rgb(images: Any, data_format: Any = None) -> jax.Array:
    """The inverse of `rgb_to_hsv`."""
    return _batched(_colours.hsv_to_rgb, images, data_format)


def _border(before: Any, after: Any, total: Any, what: str) -> tuple[Any, Any]:
    """Two of `before`, `after` and the difference of the sizes say the third."""
    if (before is None) + (after is None) + (total is None) != 1:
        raise ValueError(
            explain(
                f"{what}: of top, bottom and height (and of left, right and width) give two.",
                received=f"{before}, {after}, {total}",
                write=f"{what}(images, 2, 2, target_height=10, target_width=10)",
            )
        )
    before = total - after if before is None else before
    after = total - before if after is None else after
    if before < 0 or after < 0:
        raise ValueError(explain(f"{what}: a border would be negative.", received=f"{before} and {after}"))
    return before, after


def pad_images(
    images: Any, top_padding: Any = None, left_padding: Any = None, bottom_padding: Any = None,
    right_padding: Any = None, target_height: Any = None, target_width: Any = None, data_format: Any = None,
) -> jax.Array:  # fmt: skip
    """Images with zeros around them."""

    def pad(x: jax.Array) -> jax.Array:
        rows, columns = x.shape[1:3]
        down = _border(top_padding, bottom_padding, _less(target_height, rows), "pad_images")
        across = _border(left_padding, right_padding, _less(target_width, columns), "pad_images")
        return jnp.pad(x, ((0, 0), down, across, (0, 0)))

    return _batched(pad, images, data_format)


def _less(size: Any, other: Any) -> Any:
    return None if size is None else size - other


def crop_images(
    images: Any, top_cropping: Any = None, left_cropping: Any = None, bottom_cropping: Any = None,
    right_cropping: Any = None, target_height: Any = None, target_width: Any = None, data_format: Any = None,
) -> jax.Array:  # fmt: skip
    """Images without their borders."""

    def crop(x: jax.Array) -> jax.Array:
        rows, columns = x.shape[1:3]
        top, bottom = _border(top_cropping, bottom_cropping, _rest(target_height, rows), "crop_images")
        left, right = _border(left_cropping, right_cropping, _rest(target_width, columns), "crop_images")
        return x[:, top : rows - bottom, left : columns - right]

    return _batched(crop, images, data_format)


def _rest(size: Any, whole: Any) -> Any:
    return None if size is None else whole - size


def extract_patches(
    images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid", data_format: Any = None
) -> jax.Array:
    """Windows of images as channels."""
    rank = 3 if not isinstance(size, int) and len(size) == 3 else 2
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
) -> jax.Array:
    """Windows of volumes as channels."""
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(x: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: Any, rank: int) -> jax.Array:
    x = jnp.asarray(x)
    window = (size,) * rank if isinstance(size, int) else tuple(size)
    channels = x.shape[-1 - rank if data_format == "channels_first" else -1]
    count = int(np.prod(window)) * channels
    kernel = jnp.eye(count, dtype=x.dtype).reshape(*window, channels, count)
    batch = x if x.ndim == rank + 2 else x[None]
    made = conv(batch, kernel, strides or window, padding, data_format, dilation)
    return made if x.ndim == rank + 2 else made[0]


def scale_and_translate(
    images: Any, output_shape: Any, scale: Any, translation: Any, spatial_dims: Any, method: str, antialias: bool = True
) -> jax.Array:
    """Arrays stretched and moved along some axes."""
    by, to = jnp.asarray(scale), jnp.asarray(translation)
    return jax.image.scale_and_translate(
        jnp.asarray(images), tuple(output_shape), tuple(spatial_dims), by, to, method, antialias
    )


def sobel_edges(images: Any, data_format: Any = None) -> jax.Array:
    """The change of brightness down and across, `(..., 2)`."""
    across = jnp.asarray([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])

    def edges(kernel: jax.Array) -> jax.Array:
        return _batched(lambda x: _warps.filtered(x, kernel), images, data_format)

    return jnp.stack([edges(across.T), edges(across)], axis=-1)


def ssim(
    image1: Any, image2: Any, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
    k2: float = 0.03, data_format: Any = None,
) -> jax.Array:  # fmt: skip
    """The structural similarity of images, one number each.

    Reference: Wang et al., Image Quality Assessment (2004).
    """
    one, two = jnp.asarray(image1), jnp.asarray(image2)
    dtype, single = one.dtype, one.ndim == 3
    one, two = (
        to_last(i if i.ndim == 4 else i[None], data_format or "channels_last").astype(jnp.float32) for i in (one, two)
    )
    bell = _warps.gaussian(filter_size, jnp.asarray(filter_sigma, jnp.float32))
    kernel = jnp.outer(bell, bell)

    def mean(x: jax.Array) -> jax.Array:
        half = filter_size // 2
        return _warps.filtered(x, kernel)[:, half : x.shape[1] - half, half : x.shape[2] - half]

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    m1, m2 = mean(one), mean(two)
    v1, v2, cov = mean(one * one) - m1 * m1, mean(two * two) - m2 * m2, mean(one * two) - m1 * m2
    similar = (2 * m1 * m2 + c1) * (2 * cov + c2) / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2))
    result = jnp.mean(similar, axis=(1, 2, 3)).astype(dtype)
    return result[0] if single else result


IMAGE: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        resize, affine_transform, perspective_transform, map_coordinates, gaussian_blur, elastic_transform,
        rgb_to_grayscale, rgb_to_hsv, hsv_to_rgb, pad_images, crop_images, extract_patches, extract_patches_3d,
        scale_and_translate, sobel_edges, ssim,
    )
}  # fmt: skip
