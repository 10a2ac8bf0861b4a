"""What the attention layers share: projections, masks, the softmax over what may be seen."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, field
from . import _arguments as arg


class Projection(Layer):
    """`activation(einsum(x, kernel) + bias)`, the bias on the last axes."""

    equation: str = field()
    shape: tuple[int, ...] = field()
    bias_shape: tuple[int, ...] | None = None
    kernel_initializer: Any = arg.initializer("glorot_uniform")
    bias_initializer: Any = arg.initializer("zeros")
    kernel_regularizer: Any = arg.regularizer()
    bias_regularizer: Any = arg.regularizer()
    kernel_constraint: Any = arg.constraint()
    bias_constraint: Any = arg.constraint()
    activation: Any = arg.activation()

    def call(self, x: jax.Array) -> jax.Array:
        kernel = self.add_weight(
            self.shape, self.kernel_initializer, regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        y = jnp.einsum(self.equation, x, kernel)
        if self.bias_shape is not None:
            bias = self.add_weight(
                self.bias_shape, self.bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip
            y = y + bias.reshape((1,) * (y.ndim - bias.ndim) + bias.shape)
        return self.activation(y)


def both(a: Any, b: jax.Array) -> jax.Array:
    """Two masks as one; the first may be `None`, and the shorter gets axes after its batch."""
    if a is None:
        return b
    rank = max(a.ndim, b.ndim)
    a, b = (m.reshape((m.shape[0], *(1,) * (rank - m.ndim), *m.shape[1:])) for m in (a, b))
    return a & b


def masked_softmax(scores: jax.Array, mask: Any, count: int) -> jax.Array:
    """A softmax over the last `count` axes; a row that is masked altogether is uniform, as in Keras."""
    if mask is not None:
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
    shape = scores.shape
    flat = scores.reshape((*shape[: len(shape) - count], math.prod(shape[len(shape) - count :])))
    return jax.nn.softmax(flat, axis=-1).reshape(shape)


def all_masks(query_mask: Any, value_mask: Any, key_mask: Any, given: Any) -> Any:
    """Keras's masks of the sequences and the caller's, `(batch, targets, sources)`, or `None`."""
    mask = None
    if query_mask is not None:
        mask = jnp.asarray(query_mask, bool)[:, :, None]
    for other in (value_mask, key_mask):
        if other is not None:
            mask = both(mask, jnp.asarray(other, bool)[:, None, :])
    return mask if given is None else both(mask, jnp.asarray(given, bool))


def causal(targets: Any, sources: Any) -> jax.Array:
    """True where a target may see a source: at its own place or before, `(1, targets, sources)`."""
    return (jnp.arange(targets)[:, None] >= jnp.arange(sources)[None, :])[None]


def within(window: int, targets: Any, sources: Any) -> jax.Array:
    """True where a source is fewer than `window` places away from a target."""
    return (jnp.abs(jnp.arange(targets)[:, None] - jnp.arange(sources)[None, :]) < window)[None]


def positive_window(value: Any) -> Any:
    """A converter: a positive integer or `None`."""
    return None if value is None else arg.positive_int(value, "sliding_window")
