"""Normalisation over the batch, and over each example."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from . import _arguments as arg


def _shaped(weight: jax.Array, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """A weight over some axes of `x`, with 1 in the others."""
    return weight.reshape(tuple(x.shape[i] if i in axes else 1 for i in range(x.ndim)))


@register("keras.layers")
class BatchNormalization(Layer):
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the batch's moments in training.

    In inference, and where `trainable` is false, the moments are running averages, `m = momentum m + (1 - momentum) b`,
    kept in the collection `batch_stats`.

    Args:
        axis: the axis that keeps its own moments, the channels.
        momentum: of the running averages.
        epsilon: added to the variance.
        center, scale: whether there is a `beta` (`bias`) and a `gamma` (`scale`).
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer,
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of the weights.
        renorm, renorm_clipping, renorm_momentum, synchronized: part of Keras's configs; under `jit` a batch that is
            sharded over devices is normalised as a whole, and renormalisation is not offered.

    Raises:
        ValueError: renormalisation was asked for.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.BatchNormalization().init(jax.random.key(0), jnp.ones((1, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'batch_stats': {'mean': (3,), 'var': (3,)}, 'params': {'bias': (3,), 'scale': (3,)}}

    Reference: Ioffe and Szegedy, arXiv:1502.03167.
    https://keras.io/api/layers/normalization_layers/batch_normalization/
    """

    axis: int = -1
    momentum: float = 0.99
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Any = arg.initializer("zeros")
    gamma_initializer: Any = arg.initializer("ones")
    moving_mean_initializer: Any = arg.initializer("zeros")
    moving_variance_initializer: Any = arg.initializer("ones")
    beta_regularizer: Any = arg.regularizer()
    gamma_regularizer: Any = arg.regularizer()
    beta_constraint: Any = arg.constraint()
    gamma_constraint: Any = arg.constraint()
    renorm: bool = False
    renorm_clipping: Any = None
    renorm_momentum: float = 0.99
    synchronized: bool = False

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.renorm:
            raise ValueError(
                explain("BatchNormalization: renorm is not offered.", received="renorm=True", write="renorm=False")
            )

    def call(self, inputs: jax.Array, training: Any = False, mask: Any = None) -> jax.Array:
        axis = self.axis % inputs.ndim
        size = inputs.shape[axis]
        if not isinstance(size, int):
            raise ValueError(
                explain(
                    f"{self.path_text()} needs a known size of axis {self.axis}.",
                    received=f"shape {tuple(inputs.shape)}",
                    usually="an Input with None where the channels are.",
                    write="fk.Input((None, None, 3))",
                )
            )
        variable = self.variable_dtype
        mean = self.variable(
            "batch_stats", "mean", lambda: self.moving_mean_initializer(self.make_rng("params"), (size,), variable)
        )
        var = self.variable(
            "batch_stats", "var", lambda: self.moving_variance_initializer(self.make_rng("params"), (size,), variable)
        )
        x = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
        if training and self.trainable:
            batch_mean, batch_var = _moments(x, axis, mask)
            if not self.is_initializing() and self.is_mutable_collection("batch_stats"):
                mean.value = (mean.value * self.momentum + batch_mean * (1 - self.momentum)).astype(variable)
                var.value = (var.value * self.momentum + batch_var * (1 - self.momentum)).astype(variable)
        else:
            batch_mean, batch_var = mean.value.astype(x.dtype), var.value.astype(x.dtype)
        factor = jax.lax.rsqrt(batch_var + self.epsilon)
        if self.scale:
            factor = factor * self.add_weight(
                (size,), self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            ).astype(x.dtype)  # fmt: skip
        shift = -batch_mean * factor
        if self.center:
            shift = shift + self.add_weight(
                (size,), self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            ).astype(x.dtype)  # fmt: skip
        return (x * _shaped(factor, (axis,), x) + _shaped(shift, (axis,), x)).astype(self.compute_dtype)


def _moments(x: jax.Array, axis: int, mask: Any) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance for each channel, in two passes: E[x^2] - E[x]^2 cancels for large means."""
    axes = tuple(i for i in range(x.ndim) if i != axis)
    if mask is None:
        mean = jnp.mean(x, axis=axes)
        return mean, jnp.mean(jnp.square(x - _shaped(mean, (axis,), x)), axis=axes)
    weights = jnp.asarray(mask, x.dtype)
    weights = jnp.broadcast_to(weights.reshape(weights.shape + (1,) * (x.ndim - weights.ndim)), x.shape)
    count = jnp.sum(weights, axis=axes) + 1e-7  # Keras's guard against a batch that is masked altogether
    mean = jnp.sum(x * weights, axis=axes) / count
    return mean, jnp.sum(weights * jnp.square(x - _shaped(mean, (axis,), x)), axis=axes) / count


@register("keras.layers")
class LayerNormalization(Layer):
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with each example's own moments.

    Args:
        axis: the axis, or axes, over which moments are taken.
        epsilon: added to the variance.
        center, scale: whether there is a `beta` (`bias`) and a `gamma` (`scale`).
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint: of the weights.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.LayerNormalization().init(jax.random.key(0), jnp.ones((1, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (3,), 'scale': (3,)}}

    Reference: Ba et al., arXiv:1607.06450.
    https://keras.io/api/layers/normalization_layers/layer_normalization/
    """

    axis: Any = field(-1, convert=lambda axis: axis if isinstance(axis, int) else tuple(axis))
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Any = arg.initializer("zeros")
    gamma_initializer: Any = arg.initializer("ones")
    beta_regularizer: Any = arg.regularizer()
    gamma_regularizer: Any = arg.regularizer()
    beta_constraint: Any = arg.constraint()
    gamma_constraint: Any = arg.constraint()

    supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = tuple(sorted(a % inputs.ndim for a in given))
        x = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
        mean = jnp.mean(x, axis=axes, keepdims=True)
        var = jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)
        x = (x - mean) * jax.lax.rsqrt(var + self.epsilon)
        shape = tuple(inputs.shape[a] for a in axes)
        if self.scale:
            gamma = self.add_weight(
                shape, self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            )  # fmt: skip
            x = x * _shaped(gamma.astype(x.dtype), axes, x)
        if self.center:
            beta = self.add_weight(
                shape, self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            )  # fmt: skip
            x = x + _shaped(beta.astype(x.dtype), axes, x)
        return x.astype(self.compute_dtype)
