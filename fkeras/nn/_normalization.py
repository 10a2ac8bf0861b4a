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
        renorm: whether training corrects the batch's moments towards running ones, `r = sigma_b / sigma_run`,
            `d = (mu_b - mu_run) / sigma_run`, so that small batches train like inference.
        renorm_clipping: `{"rmin": …, "rmax": …, "dmax": …}`, bounds of the corrections.
        renorm_momentum: of the running moments of the correction.
        synchronized: accepted for Keras's sake: under `jit` a batch sharded over devices is normalised as a whole.

    Raises:
        ValueError: other keys or wrong bounds in `renorm_clipping`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.BatchNormalization().init(jax.random.key(0), jnp.ones((1, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'batch_stats': {'mean': (3,), 'var': (3,)}, 'params': {'bias': (3,), 'scale': (3,)}}

    Reference: Ioffe and Szegedy, arXiv:1502.03167; Ioffe, arXiv:1702.03275 (renormalisation).
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
        if self.renorm:
            object.__setattr__(self, "renorm_clipping", _clipping(self.renorm_clipping))
        super().__post_init__()

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
        mean = self._running("mean", self.moving_mean_initializer, size)
        var = self._running("var", self.moving_variance_initializer, size)
        x = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
        stretch = offset = None
        if self.renorm:
            renormal = self._renorm_statistics(size)
        if training and self.trainable:
            batch_mean, batch_var = _moments(x, axis, mask)
            if self.renorm:
                stretch, offset = self._correction(batch_mean, batch_var, renormal)
                self._update_renorm(batch_mean, batch_var, mean, var, renormal)
            else:
                self._move(mean, batch_mean, self.momentum)
                self._move(var, batch_var, self.momentum)
        else:
            batch_mean, batch_var = mean.value.astype(x.dtype), var.value.astype(x.dtype)
        factor = jax.lax.rsqrt(batch_var + self.epsilon)
        shift = -batch_mean * factor
        if stretch is not None:  # (x' r + d) gamma + beta, with x' normalised by the batch
            factor, shift = factor * stretch, shift * stretch + offset
        if self.scale:
            gamma = self.add_weight(
                (size,), self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            ).astype(x.dtype)  # fmt: skip
            factor, shift = factor * gamma, shift * gamma
        if self.center:
            shift = shift + self.add_weight(
                (size,), self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            ).astype(x.dtype)  # fmt: skip
        return (x * _shaped(factor, (axis,), x) + _shaped(shift, (axis,), x)).astype(self.compute_dtype)

    # ------------------------------------------------------------------ running moments
    def _running(self, name: str, initializer: Any, size: int) -> Any:
        dtype = self.variable_dtype
        return self.variable("batch_stats", name, lambda: initializer(self.make_rng("params"), (size,), dtype))

    def _set(self, variable: Any, value: jax.Array) -> None:
        if not self.is_initializing() and self.is_mutable_collection("batch_stats"):
            variable.value = value.astype(variable.value.dtype)

    def _move(self, variable: Any, new: jax.Array, momentum: float) -> jax.Array:
        value = variable.value * momentum + new * (1 - momentum)
        self._set(variable, value)
        return value

    def _renorm_statistics(self, size: int) -> tuple[Any, Any, Any]:
        def deviation(*args: Any) -> jax.Array:
            return jnp.sqrt(self.moving_variance_initializer(*args))

        return (
            self._running("stddev", deviation, size),
            self._running("renorm_mean", self.moving_mean_initializer, size),
            self._running("renorm_stddev", deviation, size),
        )

    def _correction(self, mean: jax.Array, var: jax.Array, renormal: Any) -> tuple[jax.Array, jax.Array]:
        _, running_mean, running_deviation = (v.value.astype(mean.dtype) for v in renormal)
        running_deviation = jnp.maximum(running_deviation, self.epsilon**0.5)  # no division by zero early on
        clip = self.renorm_clipping
        r = jnp.clip(jnp.sqrt(var + self.epsilon) / running_deviation, clip.get("rmin"), clip.get("rmax"))
        d = (mean - running_mean) / running_deviation
        if clip.get("dmax") is not None:
            d = jnp.clip(d, -clip["dmax"], clip["dmax"])
        return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)

    def _update_renorm(self, batch_mean: Any, batch_var: Any, mean: Any, var: Any, renormal: Any) -> None:
        deviation, renorm_mean, renorm_deviation = renormal
        batch_deviation = jnp.sqrt(batch_var + self.epsilon)
        self._move(renorm_mean, batch_mean, self.renorm_momentum)
        self._move(renorm_deviation, batch_deviation, self.renorm_momentum)
        self._move(mean, batch_mean, self.momentum)
        moved = self._move(deviation, batch_deviation, self.momentum)
        self._set(var, jnp.maximum(moved * moved - self.epsilon, 0))


def _clipping(given: Any) -> dict[str, float]:
    """Bounds of the corrections of batch renormalisation, checked."""
    bounds = dict(given or {})
    low, high, shift = bounds.get("rmin"), bounds.get("rmax"), bounds.get("dmax")
    wrong = set(bounds) - {"rmin", "rmax", "dmax"}
    if wrong or (low is not None and high is not None and low > high) or (shift is not None and shift < 0):
        raise ValueError(
            explain(
                "BatchNormalization: `renorm_clipping` has bounds `rmin <= rmax` and `dmax >= 0`.",
                received=repr(given),
                write='renorm_clipping={"rmin": 0.3, "rmax": 3.0, "dmax": 5.0}',
            )
        )
    return bounds


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
        rms_scaling: Keras's deprecated mode `gamma x / sqrt(var + epsilon)`, without a mean or a beta; use
            `RMSNormalization` instead.

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
    rms_scaling: bool = False

    supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = tuple(sorted(a % inputs.ndim for a in given))
        x = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
        mean = jnp.mean(x, axis=axes, keepdims=True)
        var = jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)
        x = (x if self.rms_scaling else x - mean) * jax.lax.rsqrt(var + self.epsilon)
        shape = tuple(inputs.shape[a] for a in axes)
        if self.scale or self.rms_scaling:
            gamma = self.add_weight(
                shape, self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            )  # fmt: skip
            x = x * _shaped(gamma.astype(x.dtype), axes, x)
        if self.center and not self.rms_scaling:
            beta = self.add_weight(
                shape, self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            )  # fmt: skip
            x = x + _shaped(beta.astype(x.dtype), axes, x)
        return x.astype(self.compute_dtype)


@register("keras.layers")
class RMSNormalization(Layer):
    """`scale x / sqrt(mean(x^2) + epsilon)`, over each example.

    Args:
        axis: the axis, or axes, over which the mean is taken.
        epsilon: added to the mean.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> jax.tree.map(jnp.shape, fk.nn.RMSNormalization().init(jax.random.key(0), jnp.ones((1, 3))))
    {'params': {'scale': (3,)}}

    Reference: Zhang and Sennrich, arXiv:1910.07467.
    https://keras.io/api/layers/normalization_layers/rms_normalization/
    """

    axis: Any = field(-1, convert=lambda axis: axis if isinstance(axis, int) else tuple(axis))
    epsilon: float = 1e-6

    def call(self, inputs: jax.Array) -> jax.Array:
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = tuple(sorted(a % inputs.ndim for a in given))
        scale = self.add_weight(tuple(inputs.shape[a] for a in axes), "ones", name="scale")
        x = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
        x = x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=axes, keepdims=True) + self.epsilon)
        return (x * _shaped(scale.astype(x.dtype), axes, x)).astype(inputs.dtype)


def _groups(value: Any) -> int:
    return value if value == -1 and not isinstance(value, bool) else arg.positive_int(value, "groups")


@register("keras.layers")
class GroupNormalization(Layer):
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the moments of groups of channels of each example.

    Args:
        groups: how many groups; -1 for one a channel (instance normalisation).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale: whether there is a `beta` (`bias`) and a `gamma` (`scale`).
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint: of the weights.

    Raises:
        ValueError: groups that do not divide the channels.

    >>> import fkeras as fk
    >>> fk.nn.GroupNormalization(groups=2)(fk.Input((4, 4, 6))).shape
    (None, 4, 4, 6)

    Reference: Wu and He, arXiv:1803.08494.
    https://keras.io/api/layers/normalization_layers/group_normalization/
    """

    groups: int = field(32, convert=_groups)
    axis: int = -1
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
        axis = self.axis % inputs.ndim
        channels = inputs.shape[axis]
        groups = channels if self.groups == -1 else self.groups
        if not isinstance(channels, int) or channels % groups:
            raise ValueError(
                explain(
                    f"{self.path_text()}: groups must divide the channels.",
                    received=f"groups={self.groups}, shape {tuple(inputs.shape)}, axis {self.axis}",
                    usually="the default of 32 groups on a layer with fewer channels.",
                    write="GroupNormalization(groups=4)",
                )
            )
        wide = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
        x = wide.reshape((*inputs.shape[:axis], groups, channels // groups, *inputs.shape[axis + 1 :]))
        axes = tuple(i for i in range(1, x.ndim) if i != axis)
        mean = jnp.mean(x, axis=axes, keepdims=True)
        var = jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)
        x = ((x - mean) * jax.lax.rsqrt(var + self.epsilon)).reshape(inputs.shape)
        if self.scale:
            gamma = self.add_weight(
                (channels,), self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            )  # fmt: skip
            x = x * _shaped(gamma.astype(x.dtype), (axis,), x)
        if self.center:
            beta = self.add_weight(
                (channels,), self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            )  # fmt: skip
            x = x + _shaped(beta.astype(x.dtype), (axis,), x)
        return x.astype(self.compute_dtype)


@register("keras.layers")
class UnitNormalization(Layer):
    """Each example scaled to norm 1: `x / max(||x||, 1e-6)`.

    Args:
        axis: the axis, or axes, of the norm.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.UnitNormalization()(jnp.array([[3.0, 4.0]]))
    Array([[0.6, 0.8]], dtype=float32)

    Reference: https://keras.io/api/layers/normalization_layers/unit_normalization/
    """

    axis: Any = field(-1, convert=lambda axis: axis if isinstance(axis, int) else tuple(axis))

    supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        square = jnp.sum(jnp.square(inputs), axis=self.axis, keepdims=True)
        return inputs * jax.lax.rsqrt(jnp.maximum(square, 1e-12))
