"""Images of another size, in a form that every exported format has."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def resize(images: jax.Array, shape: Any, method: str, antialias: bool) -> jax.Array:
    """`jax.image.resize` of `(batch, height, width, channels)`, written as what it is where sizes are
    known: products with matrices of weights.

    The converter to ONNX has an operation of its own for `jax.image.resize`, which knows no open batch, no Lanczos
    kernels and no antialiasing.

    >>> resize(jnp.arange(2.0).reshape(1, 1, 2, 1), (1, 1, 4, 1), "linear", False)[0, 0, :, 0]
    Array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    known = all(isinstance(d, int) for d in (*shape[1:3], *images.shape[1:3]))
    axes = [i for i in (1, 2) if known and shape[i] != images.shape[i]]
    if method == "nearest" or not axes:
        return jax.image.resize(images, shape, method, antialias=antialias)
    scale = jnp.array([shape[i] / images.shape[i] for i in axes], jnp.float32)
    return jax.image.scale_and_translate(
        images, shape, axes, scale, jnp.zeros(len(axes), jnp.float32), method, antialias=antialias
    )
