"""Probabilities along an axis."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, ArrayLike
from ._base import MODULE, floating


@register(MODULE)
def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Array:
    """`exp(x) / sum(exp(x))` along `axis`.

    Args:
        x: array of logits.
        axis: an axis, or several, over which the output sums to 1. Keras misreads negative axes in a tuple
            (each entry then stands alone); here they count from the end.

    Returns:
        An array of `x`'s shape and dtype.

    >>> softmax(jnp.zeros((2, 4)))[0]
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    >>> softmax(jnp.zeros((2, 4)), axis=(0, 1))[0]
    Array([0.125, 0.125, 0.125, 0.125], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#softmax-function
    """
    return jax.nn.softmax(floating(x), _axes(axis))


@register(MODULE)
def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Array:
    """`x - log(sum(exp(x)))` along `axis`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> print(f"{log_softmax(jnp.zeros(4))[0]:.4f}")
    -1.3863

    Reference: https://keras.io/api/layers/activations/#log_softmax-function
    """
    return jax.nn.log_softmax(floating(x), _axes(axis))


@register(MODULE)
def sparsemax(x: ArrayLike, axis: int = -1) -> Array:
    r"""Keras's sparsemax: a threshold below which numbers become exact zeros.

    .. math::
        f(x)_i = \max(x_i - \tau, 0), \quad \tau = \frac{\sum_{j \le k} c_j - 1}{k}, \quad c_j = \sum_{i \le j} x_{(i)}

    where :math:`x_{(1)} \ge x_{(2)} \ge \dots` and `k` is the number of `j` with :math:`1 + j\,x_{(j)} > c_j`.

    Args:
        x: array of logits.
        axis: the axis that is sorted.

    Returns:
        An array of `x`'s shape and dtype.

    >>> sparsemax(jnp.array([2.0, 0.5, 0.0]))
    Array([1., 0., 0.], dtype=float32)

    Reference: Martins and Astudillo, https://arxiv.org/abs/1602.02068, as in Keras 3.15
    The numbers are Keras's, so that its models predict what they predicted. Keras sums the cumulative sums where the
    paper has `c_k`, so rows with several survivors do not sum to 1; the paper's projection onto the probability
    simplex is `optax.projections.projection_simplex`.
    """
    x = floating(x)
    ordered = jnp.flip(jnp.sort(x, axis=axis), axis=axis)
    sums = jnp.cumsum(ordered, axis=axis)
    rank_shape = [1] * x.ndim
    rank_shape[axis] = -1
    rank = jnp.arange(1, x.shape[axis] + 1, dtype=x.dtype).reshape(rank_shape)
    support = 1 + rank * ordered > sums
    count = support.sum(axis=axis, keepdims=True).astype(x.dtype)
    tau = (jnp.where(support, sums, 0.0).sum(axis=axis, keepdims=True) - 1) / count
    return jnp.maximum(x - tau, 0.0)


def _axes(axis: int | list[int] | tuple[int, ...]) -> int | tuple[int, ...]:
    """Axes that came out of JSON are a list; JAX wants a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis
