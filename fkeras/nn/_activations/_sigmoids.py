"""Sigmoids: functions between two bounds, and the exponential."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, ArrayLike
from ._base import MODULE, floating


@register(MODULE)
def sigmoid(x: ArrayLike) -> Array:
    """`1 / (1 + exp(-x))`.

    For a loss, prefer logits and `from_logits=True`: Keras remembers the logits behind a sigmoid or softmax
    and uses them in the loss; a pure function cannot.

    Returns:
        An array of `x`'s shape and dtype.

    >>> sigmoid(jnp.array([-100.0, 0.0, 100.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#sigmoid-function
    """
    return jax.nn.sigmoid(floating(x))


@register(MODULE)
def log_sigmoid(x: ArrayLike) -> Array:
    """`log(sigmoid(x)) = -softplus(-x)`, without overflow.

    Returns:
        An array of `x`'s shape and dtype.

    >>> log_sigmoid(jnp.array([-100.0, 100.0]))
    Array([-100.,   -0.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#log_sigmoid-function
    """
    return jax.nn.log_sigmoid(jnp.asarray(x))


@register(MODULE)
def hard_sigmoid(x: ArrayLike) -> Array:
    """`clip(x / 6 + 1/2, 0, 1)` (Keras 2 used `x / 5`).

    Returns:
        An array of `x`'s shape and dtype.

    >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: https://en.wikipedia.org/wiki/Hard_sigmoid
    """
    return jax.nn.hard_sigmoid(jnp.asarray(x))


@register(MODULE)
def hard_sigmoid_of_keras_2(x: ArrayLike) -> Array:
    """`clip(x / 5 + 1/2, 0, 1)`: what `"hard_sigmoid"` was before Keras 3, in the gates of recurrent layers above all.

    Models in files of Keras 1 and 2 are read with it. Keras 3 has no such function: to open there what is saved with
    it, hand it over as `custom_objects={"hard_sigmoid_of_keras_2": ...}`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> hard_sigmoid_of_keras_2(jnp.array([-2.5, 0.0, 1.0, 2.5]))
    Array([0. , 0.5, 0.7, 1. ], dtype=float32)
    """
    x = jnp.asarray(x)
    return jnp.clip(x * 0.2 + 0.5, 0, 1)


@register(MODULE)
def sparse_sigmoid(x: ArrayLike) -> Array:
    """`clip((x + 1) / 2, 0, 1)`: the derivative of `sparse_plus`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> sparse_sigmoid(jnp.array([-2.0, 0.0, 2.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: Blondel et al., https://arxiv.org/abs/1901.02324
    """
    return jax.nn.sparse_sigmoid(jnp.asarray(x))


@register(MODULE)
def tanh(x: ArrayLike) -> Array:
    """`(exp(x) - exp(-x)) / (exp(x) + exp(-x))`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> tanh(jnp.array([-50.0, 0.0, 50.0]))
    Array([-1.,  0.,  1.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#tanh-function
    """
    return jnp.tanh(jnp.asarray(x))


@register(MODULE)
def hard_tanh(x: ArrayLike) -> Array:
    """`clip(x, -1, 1)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> hard_tanh(jnp.array([-3.0, 0.5, 3.0]))
    Array([-1. ,  0.5,  1. ], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#hard_tanh-function
    """
    return jax.nn.hard_tanh(jnp.asarray(x))


@register(MODULE)
def softsign(x: ArrayLike) -> Array:
    """`x / (|x| + 1)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> softsign(jnp.array([-1.0, 0.0, 3.0]))
    Array([-0.5 ,  0.  ,  0.75], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#softsign-function
    """
    return jax.nn.soft_sign(jnp.asarray(x))


@register(MODULE)
def exponential(x: ArrayLike) -> Array:
    """`exp(x)`.

    Returns:
        An array of `x`'s shape and dtype.

    >>> exponential(jnp.array([0.0]))
    Array([1.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#exponential-function
    """
    return jnp.exp(jnp.asarray(x))
