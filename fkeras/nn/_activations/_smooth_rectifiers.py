"""Rectifiers without a kink, and gates."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import explain, register
from ...core.typing import Array, ArrayLike
from ._base import MODULE, floating


@register(MODULE)
def softplus(x: ArrayLike) -> Array:
    """`log(1 + exp(x))`, without overflow.

    Returns:
        An array of `x`'s shape and dtype.

    >>> softplus(jnp.array([-200.0, 200.0]))
    Array([  0., 200.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#softplus-function
    """
    return jax.nn.softplus(jnp.asarray(x))


@register(MODULE)
def squareplus(x: ArrayLike, b: float = 4) -> Array:
    """`(x + sqrt(x**2 + b)) / 2`; `b` says how smooth.

    Returns:
        An array of `x`'s shape and dtype.

    >>> squareplus(jnp.array([0.0, 1.5]))
    Array([1., 2.], dtype=float32)

    Reference: Barron, https://arxiv.org/abs/2112.11687
    """
    return jax.nn.squareplus(jnp.asarray(x), b)


@register(MODULE)
def sparse_plus(x: ArrayLike) -> Array:
    """0 up to -1, `(x + 1)**2 / 4` between, `x` from 1 on.

    Returns:
        An array of `x`'s shape and dtype.

    >>> sparse_plus(jnp.array([-2.0, 0.0, 2.0]))
    Array([0.  , 0.25, 2.  ], dtype=float32)

    Reference: Blondel et al., https://arxiv.org/abs/1901.02324
    """
    return jax.nn.sparse_plus(jnp.asarray(x))


@register(MODULE, aliases=("swish",))
def silu(x: ArrayLike) -> Array:
    """`x * sigmoid(x)`, also called swish.

    Returns:
        An array of `x`'s shape and dtype.

    >>> silu(jnp.array([-200.0, 0.0, 200.0]))
    Array([ -0.,   0., 200.], dtype=float32)

    Reference: Ramachandran et al., https://arxiv.org/abs/1710.05941
    """
    return jax.nn.silu(floating(x))


@register(MODULE, aliases=("hard_swish",))
def hard_silu(x: ArrayLike) -> Array:
    """`x * hard_sigmoid(x)`, also called hard swish.

    Returns:
        An array of `x`'s shape and dtype.

    >>> hard_silu(jnp.array([-4.0, 0.0, 4.0]))
    Array([-0.,  0.,  4.], dtype=float32)

    Reference: Howard et al., https://arxiv.org/abs/1905.02244
    """
    return jax.nn.hard_silu(jnp.asarray(x))


@register(MODULE)
def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """`x * Phi(x)`, with `Phi` the distribution function of the standard normal.

    Args:
        x: array of any shape.
        approximate: use the tanh approximation. Keras's default is exact; `jax.nn.gelu`'s is approximate,
            which differs by up to 5e-4.

    Returns:
        An array of `x`'s shape and dtype.

    >>> print(f"{gelu(1.0):.6f} {gelu(1.0, approximate=True):.6f}")
    0.841345 0.841192

    Reference: Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415
    """
    return jax.nn.gelu(jnp.asarray(x), approximate)


@register(MODULE)
def mish(x: ArrayLike) -> Array:
    """`x * tanh(softplus(x))`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> print(f"{mish(1.0):.4f}")
    0.8651

    Reference: Misra, https://arxiv.org/abs/1908.08681
    """
    return jax.nn.mish(jnp.asarray(x))


@register(MODULE)
def glu(x: ArrayLike, axis: int = -1) -> Array:
    """`a * sigmoid(b)`, where `a` and `b` are the two halves of `x` along `axis`.

    Args:
        x: array whose `axis` has even length.
        axis: the axis to halve.

    Returns:
        An array with `axis` half as long.

    Raises:
        ValueError: the axis is of odd length.

    >>> glu(jnp.array([3.0, 5.0, 100.0, -100.0]))
    Array([3., 0.], dtype=float32)

    Reference: Dauphin et al., https://arxiv.org/abs/1612.08083
    """
    x = floating(x)
    if x.shape[axis] % 2:
        raise ValueError(
            explain(
                f"glu halves axis {axis}, but its length {x.shape[axis]} is odd.",
                received=f"shape {x.shape}",
                usually="the layer before it needs twice the units that come out of glu.",
                write="Dense(2 * units) before glu, or another axis=",
            )
        )
    return jax.nn.glu(x, axis)
