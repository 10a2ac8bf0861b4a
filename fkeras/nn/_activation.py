"""Activations as layers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from . import activations


@register("keras.layers")
class Activation(Layer):
    """A function of each number, by name or as a function.

    Args:
        activation: the function.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Activation("relu")(jnp.array([-1.0, 2.0]))
    Array([0., 2.], dtype=float32)

    Reference: https://keras.io/api/layers/core_layers/activation/
    """

    activation: Any = field(convert=activations.get)

    supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        return self.activation(inputs)


@register("keras.layers")
class ReLU(Layer):
    """`max(x, 0)`, with a slope below the threshold and a ceiling if asked for.

    Args:
        max_value: the ceiling.
        negative_slope: the slope below the threshold.
        threshold: where the line begins.

    Raises:
        ValueError: a negative argument.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.ReLU(max_value=1.0)(jnp.array([-1.0, 0.5, 2.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: https://keras.io/api/layers/activation_layers/relu/
    """

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_value", "negative_slope", "threshold"):
            value = getattr(self, name)
            if (value is None and name != "max_value") or (value is not None and value < 0):
                raise ValueError(
                    explain(f"ReLU: `{name}` cannot be negative.", received=f"{name}={value!r}", write=f"{name}=0.0")
                )

    def call(self, inputs: jax.Array) -> jax.Array:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@register("keras.layers")
class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along an axis, so that the numbers are positive and sum to 1.

    Args:
        axis: the axis, or several.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Softmax()(jnp.zeros((1, 4)))
    Array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)

    Reference: https://keras.io/api/layers/activation_layers/softmax/
    """

    axis: Any = field(-1, convert=lambda axis: axis if isinstance(axis, int) else tuple(axis))

    supports_masking = True

    def call(self, inputs: jax.Array, mask: Any = None) -> jax.Array:
        if mask is not None:
            mask = jnp.broadcast_to(jnp.asarray(mask, bool), inputs.shape)
            # Half the largest number, so that a sum with it stays finite (Keras's convention).
            inputs = jnp.where(mask, inputs, inputs + -0.5 * float(jnp.finfo(inputs.dtype).max))
        outputs = activations.softmax(inputs, self.axis)
        return outputs if mask is None else outputs * mask.astype(inputs.dtype)
