"""Rectifiers: 0, or nearly so, below a threshold, and linear above it."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, ArrayLike
from .._made_once import rectified
from ._base import MODULE


@register(MODULE)
def relu(x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    r"""Rectified linear unit, with Keras's three knobs.

    .. math::
        f(x) = \begin{cases} \min(x, \mathrm{max\_value}) & x > \mathrm{threshold} \\
        \mathrm{negative\_slope}\,(x - \mathrm{threshold}) & \text{otherwise} \end{cases}

    Args:
        x: array of any shape.
        negative_slope: slope below the threshold; a Python number.
        max_value: where the output saturates; `None` for never.
        threshold: values up to it are damped; a Python number.

    Returns:
        An array of `x`'s shape and dtype.

    >>> relu(jnp.array([-10.0, -5.0, 0.0, 5.0, 10.0]), negative_slope=0.5, max_value=6.0)
    Array([-5. , -2.5,  0. ,  5. ,  6. ], dtype=float32)

    Reference: Nair and Hinton, 2010; https://keras.io/api/layers/activations/#relu-function
    """
    x = jnp.asarray(x)
    if max_value is None and threshold == 0:
        if negative_slope != 0:
            return jax.nn.leaky_relu(x, negative_slope)
        return rectified(x) if jnp.issubdtype(x.dtype, jnp.floating) else jax.nn.relu(x)
    if threshold != 0:
        kept = jnp.where(x > threshold, x, jnp.zeros_like(x))
    else:  # jax.nn's derivatives are 0 at the kinks, and so are Keras's
        kept = jax.nn.relu6(x) if max_value == 6 else jax.nn.relu(x)
    if max_value is not None:
        kept = jnp.clip(kept, jnp.zeros((), x.dtype), jnp.asarray(max_value, x.dtype))
    if negative_slope == 0:  # not by multiplying: 0 * inf is nan
        return kept
    return kept - negative_slope * jax.nn.relu(threshold - x)


@register(MODULE)
def relu6(x: ArrayLike) -> Array:
    """`min(max(x, 0), 6)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> relu6(jnp.array([-1.0, 3.0, 8.0]))
    Array([0., 3., 6.], dtype=float32)

    Reference: Krizhevsky, 2010.
    """
    return jax.nn.relu6(jnp.asarray(x))


@register(MODULE)
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """`x` where positive, else `negative_slope * x`.

    Keras's function slopes by 0.2, its `LeakyReLU` layer by 0.3, and `jax.nn.leaky_relu` by 0.01.

    Returns:
        An array of `x`'s shape and dtype.

    >>> leaky_relu(jnp.array([-1.0, 2.0]))
    Array([-0.2,  2. ], dtype=float32)

    Reference: Maas et al., 2013.
    """
    return jax.nn.leaky_relu(jnp.asarray(x), negative_slope)


@register(MODULE)
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha * (exp(x) - 1)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> elu(jnp.array([-20.0, 2.0]), alpha=0.5)
    Array([-0.5,  2. ], dtype=float32)

    Reference: Clevert et al., https://arxiv.org/abs/1511.07289
    """
    return jax.nn.elu(jnp.asarray(x), alpha)


@register(MODULE)
def selu(x: ArrayLike) -> Array:
    """`1.0507 * elu(x, 1.6733)`: keeps mean 0 and variance 1 from layer to layer (with `LecunNormal`).

    Returns:
        An array of `x`'s shape and dtype.

    >>> print(f"{selu(1.0):.4f}")
    1.0507

    Reference: Klambauer et al., https://arxiv.org/abs/1706.02515
    """
    return jax.nn.selu(jnp.asarray(x))


@register(MODULE)
def celu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha * (exp(x / alpha) - 1)`: an ELU with a continuous derivative.

    Returns:
        An array of `x`'s shape and dtype.

    >>> celu(jnp.array([-40.0, 2.0]), alpha=0.5)
    Array([-0.5,  2. ], dtype=float32)

    Reference: Barron, https://arxiv.org/abs/1704.07483
    """
    return jax.nn.celu(jnp.asarray(x), alpha)


@register(MODULE)
def threshold(x: ArrayLike, threshold: float, default_value: float) -> Array:
    """`x` where it is above `threshold`, else `default_value`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> threshold(jnp.array([0.5, 1.0, 2.0]), 1.0, -7.0)
    Array([-7., -7.,  2.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, default_value)
