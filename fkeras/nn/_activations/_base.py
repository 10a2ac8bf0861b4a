"""What activations share: Keras's module, the names of JAX's own functions in it, and the dtype to compute in."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, ArrayLike

MODULE = "keras.activations"
# JAX's own functions that compute the same save under Keras's name, so `Dense(8, activation=jax.nn.relu)` makes a
# file that Keras opens. Not `jax.nn.gelu` or `jax.nn.leaky_relu`: their defaults are others. The definitions in
# the other files, which all import this one, take the names over for look-up.
SAME_IN_JAX: dict[str, Callable[..., Array]] = {
    "celu": jax.nn.celu,
    "elu": jax.nn.elu,
    "exponential": jnp.exp,
    "glu": jax.nn.glu,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_silu": jax.nn.hard_silu,
    "hard_tanh": jax.nn.hard_tanh,
    "log_sigmoid": jax.nn.log_sigmoid,
    "log_softmax": jax.nn.log_softmax,
    "mish": jax.nn.mish,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "softmax": jax.nn.softmax,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "sparse_plus": jax.nn.sparse_plus,
    "sparse_sigmoid": jax.nn.sparse_sigmoid,
    "squareplus": jax.nn.squareplus,
    "tanh": jnp.tanh,
}
for _name, _function in SAME_IN_JAX.items():
    register(MODULE, _name)(_function)


def floating(x: ArrayLike) -> Array:
    """Integers become float32, for the functions of `jax.nn` that refuse them."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
