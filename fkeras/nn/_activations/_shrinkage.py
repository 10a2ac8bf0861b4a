"""Functions that move numbers towards 0, and the identity."""

from __future__ import annotations

from typing import TypeVar

import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, ArrayLike
from ._base import MODULE

Value = TypeVar("Value")


@register(MODULE)
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """`sign(x) * max(|x| - threshold, 0)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> soft_shrink(jnp.array([-2.0, 0.25, 2.0]))
    Array([-1.5,  0. ,  1.5], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#soft_shrink-function
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@register(MODULE)
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """`x` where `|x| > threshold`, else 0.

    Returns:
        An array of `x`'s shape and dtype.

    >>> hard_shrink(jnp.array([-2.0, 0.25, 2.0]))
    Array([-2.,  0.,  2.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#hard_shrink-function
    """
    x = jnp.asarray(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@register(MODULE)
def tanh_shrink(x: ArrayLike) -> Array:
    """`x - tanh(x)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> print(f"{tanh_shrink(1.0):.4f}")
    0.2384

    Reference: https://keras.io/api/layers/activations/#tanh_shrink-function
    """
    x = jnp.asarray(x)
    return x - jnp.tanh(x)


@register(MODULE)
def linear(x: Value) -> Value:
    """`x` itself; what `activation=None` means.

    Returns:
        The argument.

    >>> linear(jnp.array([1.0, -2.0]))
    Array([ 1., -2.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#linear-function
    """
    return x
