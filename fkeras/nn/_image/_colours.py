"""Colour spaces and ranges of values, as functions of arrays with their channels last."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from ...core.typing import Array, DTypeLike


def change_range(
    images: Array, source: Sequence[float], target: Sequence[float], dtype: DTypeLike = "float32"
) -> Array:
    """Values of one range in another, by a line; equal ranges change nothing, the dtype included."""
    if tuple(source) == tuple(target):
        return images
    images = images.astype(dtype)
    (low, high), (new_low, new_high) = source, target
    return (images - low) / (high - low) * (new_high - new_low) + new_low


def rgb_to_grayscale(images: Array) -> Array:
    """Luma, one channel, in the images' dtype; images of one channel as they are."""
    if images.shape[-1] == 1:
        return images
    if images.shape[-1] != 3:
        raise ValueError(f"grey is made of 1 or 3 channels, not {images.shape[-1]}")
    weights = jnp.array([0.2989, 0.587, 0.114], jnp.result_type(images.dtype, jnp.float32))
    if jnp.issubdtype(images.dtype, jnp.floating):
        weights = weights.astype(images.dtype)
    grey = jnp.einsum("...c,c->...", images.astype(weights.dtype), weights)
    return grey[..., None].astype(images.dtype)


def rgb_to_hsv(images: Array) -> Array:
    """Hue and saturation in [0, 1], and value in the images' own range."""
    images = jnp.where(jnp.abs(images) < jnp.finfo(images.dtype).eps, 0.0, images)
    red, green, blue = (images[..., i] for i in range(3))
    value, least = images.max(axis=-1), images.min(axis=-1)
    spread = value - least
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1.0), 0.0)
    unit = 1.0 / (6.0 * jnp.where(spread > 0, spread, 1.0))
    hue = jnp.where(value == green, unit * (blue - red) + 2.0 / 6.0, unit * (red - green) + 4.0 / 6.0)
    hue = jnp.where(value == red, unit * (green - blue), hue)
    hue = jnp.where(spread > 0, hue, 0.0) + (hue < 0.0).astype(hue.dtype)
    return jnp.stack([hue, saturation, value], axis=-1)


def hsv_to_rgb(images: Array) -> Array:
    """The inverse of `rgb_to_hsv`."""
    hue, saturation, value = (images[..., i] for i in range(3))
    place = jnp.mod(hue, 1.0) * 6.0
    red = jnp.clip(jnp.abs(place - 3.0) - 1.0, 0.0, 1.0)
    green = jnp.clip(2.0 - jnp.abs(place - 2.0), 0.0, 1.0)
    blue = jnp.clip(2.0 - jnp.abs(place - 4.0), 0.0, 1.0)
    return jnp.stack([value * (1.0 - saturation + saturation * c) for c in (red, green, blue)], axis=-1)
