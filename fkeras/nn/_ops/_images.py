"""`fk.ops.image`: geometry, colours and measures of images, with Keras's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import ndimage

from ...core import explain
from ...core.typing import Array, ArrayLike, Float, KeyLike, Num
from .._image import Resizing, _colours, _warps
from .._shapes import from_last, to_last
from ._convolution import conv
from ._types import DataFormat, Sizes, Table


def _batched(
    function: Callable[[Array], Array], images: Num[ArrayLike, "*batch height width channels"], data_format: DataFormat
) -> Num[Array, "*batch height width channels"]:
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
    result = from_last(function(batch), order)
    return result if images.ndim == 4 else result[0]


def resize(
    images: Num[ArrayLike, "*batch height width channels"],
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:
    """Images in another size."""
    images = jnp.asarray(images)
    layer = Resizing(
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
    images: Num[ArrayLike, "*batch height width channels"], transform: Float[ArrayLike, "*batch 8"],
    interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: ArrayLike = 0,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:  # fmt: skip
    """Images under affine maps `(a0, a1, a2, b0, b1, b2, 0, 0)` from an output pixel to the input's."""
    maps = jnp.asarray(transform)
    return _batched(lambda x: _warps.affine(x, maps, interpolation, fill_mode, fill_value), images, data_format)


def perspective_transform(
    images: Num[ArrayLike, "*batch height width channels"], start_points: Num[ArrayLike, "*batch 4 2"],
    end_points: Num[ArrayLike, "*batch 4 2"], interpolation: str = "bilinear", fill_value: ArrayLike = 0,
    data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:  # fmt: skip
    """Images with four points moved to four others."""
    start, end = (jnp.asarray(p).reshape(-1, 4, 2) for p in (start_points, end_points))
    return _batched(lambda x: _warps.perspective(x, start, end, interpolation, fill_value), images, data_format)


def map_coordinates(
    inputs: ArrayLike, coordinates: Num[Array, "rank ..."] | Sequence[ArrayLike], order: int,
    fill_mode: str = "constant", fill_value: ArrayLike = 0,
) -> Array:  # fmt: skip
    """An array read at places between its entries."""
    return ndimage.map_coordinates(jnp.asarray(inputs), list(coordinates), order, fill_mode, fill_value)


def gaussian_blur(
    images: Num[ArrayLike, "*batch height width channels"], kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0), data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:  # fmt: skip
    """Images under a bell of the given size and width."""

    def blur(x: Array) -> Array:
        widths = jnp.asarray(sigma, x.dtype)
        across, down = (_warps.gaussian(kernel_size[i], widths[i]) for i in range(2))
        return _warps.filtered(x, jnp.outer(down, across))

    return _batched(blur, images, data_format)


def elastic_transform(
    images: Num[ArrayLike, "*batch height width channels"], alpha: float = 20.0, sigma: float = 5.0,
    interpolation: str = "bilinear", fill_mode: str = "reflect", fill_value: float = 0.0,
    seed: KeyLike | None = None, data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:  # fmt: skip
    """Images bent by a smooth random field.

    Args:
        images: one image or a batch of them.
        alpha: how far pixels move, in pixels.
        sigma: over how many pixels the field is smooth.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: what lies outside: `"reflect"`, `"wrap"`, `"constant"`, `"mirror"` or `"nearest"`.
        fill_value: the value outside under `"constant"`.
        seed: an integer or a `jax.random.key`; there is no randomness without one.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Returns:
        Images of the same shape.

    Raises:
        ValueError: no seed.
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

    def bend(x: Array) -> Array:
        field = jax.random.normal(key, (*x.shape[:3], 2), x.dtype) * sigma
        bell = _warps.gaussian(size, jnp.asarray(sigma, x.dtype))
        smooth = _warps.filtered(field, jnp.outer(bell, bell))
        rows, columns = _warps.grid(x, x.dtype)
        places = rows + alpha * smooth[..., 1], columns + alpha * smooth[..., 0]
        return _warps.sample(x, *places, interpolation, fill_mode, fill_value)

    return _batched(bend, images, data_format)


def rgb_to_grayscale(
    images: Num[ArrayLike, "*batch height width channels"], data_format: DataFormat = None
) -> Num[Array, "*batch height width 1"]:
    """Luma, one channel."""
    return _batched(_colours.rgb_to_grayscale, images, data_format)


def rgb_to_hsv(
    images: Float[ArrayLike, "*batch height width 3"], data_format: DataFormat = None
) -> Float[Array, "*batch height width 3"]:
    """Hue, saturation and value."""
    return _batched(_colours.rgb_to_hsv, images, data_format)


def hsv_to_rgb(
    images: Float[ArrayLike, "*batch height width 3"], data_format: DataFormat = None
) -> Float[Array, "*batch height width 3"]:
    """The inverse of `rgb_to_hsv`."""
    return _batched(_colours.hsv_to_rgb, images, data_format)


def _border(before: int | None, after: int | None, total: int | None, op: str) -> tuple[int, int]:
    """Two of `before`, `after` and the difference of the sizes say the third."""
    if (before is None) + (after is None) + (total is None) != 1:
        raise ValueError(
            explain(
                f"{op}: of top, bottom and height (and of left, right and width) give two.",
                received=f"{before}, {after}, {total}",
                write=f"{op}(images, 2, 2, target_height=10, target_width=10)",
            )
        )
    if before is None:
        before = total - after  # type: ignore[operator]
    elif after is None:
        after = total - before  # type: ignore[operator]
    if before < 0 or after < 0:  # type: ignore[operator]
        raise ValueError(explain(f"{op}: a border would be negative.", received=f"{before} and {after}"))
    return before, after  # type: ignore[return-value]


def pad_images(
    images: Num[ArrayLike, "*batch height width channels"], top_padding: int | None = None,
    left_padding: int | None = None, bottom_padding: int | None = None, right_padding: int | None = None,
    target_height: int | None = None, target_width: int | None = None, data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:  # fmt: skip
    """Images with zeros around them."""

    def pad(x: Array) -> Array:
        rows, columns = x.shape[1:3]
        down = _border(top_padding, bottom_padding, _excess(target_height, rows), "pad_images")
        across = _border(left_padding, right_padding, _excess(target_width, columns), "pad_images")
        return jnp.pad(x, ((0, 0), down, across, (0, 0)))

    return _batched(pad, images, data_format)


def _excess(size: int | None, other: int) -> int | None:
    """How much larger a size is than another."""
    return None if size is None else size - other


def crop_images(
    images: Num[ArrayLike, "*batch height width channels"], top_cropping: int | None = None,
    left_cropping: int | None = None, bottom_cropping: int | None = None, right_cropping: int | None = None,
    target_height: int | None = None, target_width: int | None = None, data_format: DataFormat = None,
) -> Num[Array, "*batch height width channels"]:  # fmt: skip
    """Images without their borders."""

    def crop(x: Array) -> Array:
        rows, columns = x.shape[1:3]
        top, bottom = _border(top_cropping, bottom_cropping, _remainder(target_height, rows), "crop_images")
        left, right = _border(left_cropping, right_cropping, _remainder(target_width, columns), "crop_images")
        return x[:, top : rows - bottom, left : columns - right]

    return _batched(crop, images, data_format)


def _remainder(size: int | None, whole: int) -> int | None:
    """What a size leaves of the whole."""
    return None if size is None else whole - size


def extract_patches(
    images: Num[ArrayLike, "*batch height width channels"], size: Sizes, strides: Sizes | None = None,
    dilation_rate: Sizes = 1, padding: str = "valid", data_format: DataFormat = None,
) -> Num[Array, "*batch rows columns patch"]:  # fmt: skip
    """Windows of images as channels."""
    rank = 3 if not isinstance(size, int) and len(size) == 3 else 2
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


def extract_patches_3d(
    volumes: Num[ArrayLike, "*batch depth height width channels"], size: Sizes, strides: Sizes | None = None,
    dilation_rate: Sizes = 1, padding: str = "valid", data_format: DataFormat = None,
) -> Num[Array, "*batch planes rows columns patch"]:  # fmt: skip
    """Windows of volumes as channels."""
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(
    x: ArrayLike, size: Sizes, strides: Sizes | None, dilation: Sizes, padding: str, data_format: DataFormat, rank: int
) -> Array:
    x = jnp.asarray(x)
    window = (size,) * rank if isinstance(size, int) else tuple(size)
    channels = x.shape[-1 - rank if data_format == "channels_first" else -1]
    count = int(np.prod(window)) * channels
    kernel = jnp.eye(count, dtype=x.dtype).reshape(*window, channels, count)
    batch = x if x.ndim == rank + 2 else x[None]
    patches = conv(batch, kernel, strides or window, padding, data_format, dilation)
    return patches if x.ndim == rank + 2 else patches[0]


def scale_and_translate(
    images: ArrayLike, output_shape: Sequence[int], scale: Float[ArrayLike, " dims"],
    translation: Float[ArrayLike, " dims"], spatial_dims: Sequence[int], method: str, antialias: bool = True,
) -> Array:  # fmt: skip
    """Arrays stretched and moved along some axes."""
    scale, translation = jnp.asarray(scale), jnp.asarray(translation)
    return jax.image.scale_and_translate(
        jnp.asarray(images), tuple(output_shape), tuple(spatial_dims), scale, translation, method, antialias
    )


def sobel_edges(
    images: Num[ArrayLike, "*batch height width channels"], data_format: DataFormat = None
) -> Num[Array, "*batch height width channels 2"]:
    """The change of brightness down and across, `(..., 2)`."""
    across = jnp.asarray([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])

    def edges(kernel: Array) -> Array:
        return _batched(lambda x: _warps.filtered(x, kernel), images, data_format)

    return jnp.stack([edges(across.T), edges(across)], axis=-1)


def ssim(
    image1: Num[ArrayLike, "*batch height width channels"], image2: Num[ArrayLike, "*batch height width channels"],
    max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03,
    data_format: DataFormat = None,
) -> Float[Array, "*batch"]:  # fmt: skip
    """The structural similarity of images, one number each.

    Args:
        image1, image2: one image or a batch of them.
        max_val: the largest value that a pixel may have.
        filter_size, filter_sigma: the bell over which means are taken, in pixels.
        k1, k2: what keeps the quotients finite, as parts of `max_val`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Returns:
        A number for each image, 1 for equal ones.

    Reference: Wang et al., Image Quality Assessment (2004).
    """
    first, second = jnp.asarray(image1), jnp.asarray(image2)
    dtype, is_single = first.dtype, first.ndim == 3
    first, second = (
        to_last(i if i.ndim == 4 else i[None], data_format or "channels_last").astype(jnp.float32)
        for i in (first, second)
    )
    bell = _warps.gaussian(filter_size, jnp.asarray(filter_sigma, jnp.float32))
    kernel = jnp.outer(bell, bell)

    def mean(x: Array) -> Array:
        half = filter_size // 2
        return _warps.filtered(x, kernel)[:, half : x.shape[1] - half, half : x.shape[2] - half]

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    m1, m2 = mean(first), mean(second)
    v1, v2 = mean(first * first) - m1 * m1, mean(second * second) - m2 * m2
    cov = mean(first * second) - m1 * m2
    similar = (2 * m1 * m2 + c1) * (2 * cov + c2) / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2))
    result = jnp.mean(similar, axis=(1, 2, 3)).astype(dtype)
    return result[0] if is_single else result


IMAGE: Table = {
    f.__name__: f
    for f in (
        resize, affine_transform, perspective_transform, map_coordinates, gaussian_blur, elastic_transform,
        rgb_to_grayscale, rgb_to_hsv, hsv_to_rgb, pad_images, crop_images, extract_patches, extract_patches_3d,
        scale_and_translate, sobel_edges, ssim,
    )
}  # fmt: skip
