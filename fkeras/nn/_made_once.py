"""Elementwise arithmetic of a residual stream, which XLA's CPU backend otherwise computes again in every later block.

Its fusion copies a cheap producer into each consumer that is elementwise too. It leaves a producer of several tensors
alone where some consumer, such as a matrix product, cannot take it in; a producer that reads one tensor it always
copies. So the gradient of a deep stack grows with the square of its depth where

- what comes back to a layer has elementwise consumers alone, as in a gate or a maximum: `cotangent_once`;
- a sum is followed by a function of one tensor, as in a residual network: `rectified`.

Neither changes a program without a gradient, so that what is exported is what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def cotangent_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, elementwise, with a gradient that computes what comes back to it once.

    `jax.checkpoint` puts a barrier around the cotangent and the inputs, which the gradient needs anyway. It leaves
    derivatives of every kind and order to JAX.

    Args:
        function: of arrays.

    Returns:
        A function of the same arrays, with the same values and derivatives, traced and differentiated once a shape.

    >>> jax.grad(cotangent_once(jnp.multiply))(2.0, 3.0)
    Array(3., dtype=float32, weak_type=True)
    """
    return jax.jit(jax.checkpoint(function), inline=True)


@jax.custom_jvp
def _rectified(x: jax.Array) -> jax.Array:
    return jax.nn.relu(x)


@_rectified.defjvp
def _rectified_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (tangent,) = primals, tangents
    zero = jnp.zeros_like(x)
    # Not `maximum(x, 0)`, which reads one tensor and would take the sum that it rectifies into the next sum. A NaN is
    # not `<= 0`, and stays one; nor is it `> 0`, and its derivative is 0, as in `jax.nn.relu`.
    y = jax.lax.select(x <= zero, zero, x)
    return y, jax.lax.select(y > zero, tangent, jnp.zeros_like(tangent))


rectified = jax.jit(_rectified, inline=True)
"""`max(x, 0)` of floating numbers, with the derivative 0 at 0, traced and differentiated once a shape."""
