"""Images of another size, in a form that every exported format has."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ..core.typing import Array, Num


def resize(
    images: Num[Array, "batch height width channels"], shape: tuple[int, ...], method: str, antialias: bool
) -> Num[Array, "batch new_height new_width channels"]:
    """`jax.image.resize`, written as products with matrices of weights where the sizes are known.

    The converter to ONNX replaces `jax.image.resize` by an operation that has no open batch, no Lanczos kernels and no
    antialiasing.

    Args:
        images: the images.
        shape: the shape of the result.
        method: of `jax.image.resize`.
        antialias: whether to smooth where the result is smaller.

    Returns:
        Images of the given shape.

    >>> resize(jnp.arange(2.0).reshape(1, 1, 2, 1), (1, 1, 4, 1), "linear", False)[0, 0, :, 0]
    Array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    concrete = all(isinstance(d, int) for d in (*shape[1:3], *images.shape[1:3]))
    axes = [i for i in (1, 2) if concrete and shape[i] != images.shape[i]]
    if method == "nearest" or not axes:
        return jax.image.resize(images, shape, method, antialias=antialias)
    scale = jnp.array([shape[i] / images.shape[i] for i in axes], jnp.float32)
    return jax.image.scale_and_translate(
        images, shape, axes, scale, jnp.zeros(len(axes), jnp.float32), method, antialias=antialias
    )


def of_corners(
    x: Num[Array, "batch height width channels"], axis: int, new: int, method: str
) -> Num[Array, "batch new_height new_width channels"]:
    """One axis in another size, its pixels measured from their corners: the new pixel `i` is at `i * old / new`.

    Args:
        x: the images.
        axis: which axis.
        new: its new size.
        method: `"bilinear"` or `"nearest"`.

    >>> of_corners(jnp.arange(2.0).reshape(1, 2, 1, 1), 1, 4, "bilinear")[0, :, 0, 0]
    Array([0. , 0.5, 1. , 1. ], dtype=float32)
    """
    old = x.shape[axis]
    at = jnp.arange(new, dtype=jnp.float32) * (jnp.asarray(old, jnp.float32) / jnp.asarray(new, jnp.float32))
    below = jnp.floor(at).astype(jnp.int32)
    low = jnp.take(x, below, axis=axis, mode="clip")
    if method == "nearest":
        return low
    high = jnp.take(x, below + 1, axis=axis, mode="clip")
    part = jnp.reshape(at - below, [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]).astype(low.dtype)
    return low + (high - low) * part
