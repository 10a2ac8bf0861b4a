"""Normalisation of each example."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from flax import linen

from ..core import Layer, explain, field, register
from ..core.typing import Array, Float, Num, PyTree
from . import _arguments as arg
from . import _moments as moments
from ._shapes import NamedLayer, known_axis


@runtime_checkable
class _HasAxes(NamedLayer, Protocol):
    """A layer that normalises over an axis, or several."""

    axis: arg.AxesLike


def _axes(value: object) -> int | tuple[int, ...]:
    """A converter: an axis, or several."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(a, int) for a in value):
        return tuple(value)
    raise ValueError(explain("`axis` is an axis or several.", received=f"axis={value!r}", write="axis=-1, axis=(1, 2)"))


def _normal_axes(layer: _HasAxes, x: Num[Array, "*shape"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes counted from 0, and the shape of the weights over them, in Keras's order of axes."""
    given = sorted((layer.axis,) if isinstance(layer.axis, int) else layer.axis)
    if not all(-x.ndim <= a < x.ndim for a in given):
        raise ValueError(
            explain(
                f"{layer.path_text()} has no such axis.",
                received=f"axis={layer.axis}, an input of shape {tuple(x.shape)}",
                write="axis=-1",
            )
        )
    return tuple(sorted(a % x.ndim for a in given)), tuple(x.shape[a] for a in given)


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

    axis: arg.AxesLike = field(-1, convert=_axes)
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: arg.InitializerLike = arg.initializer("zeros")
    gamma_initializer: arg.InitializerLike = arg.initializer("ones")
    beta_regularizer: arg.RegularizerLike = arg.regularizer()
    gamma_regularizer: arg.RegularizerLike = arg.regularizer()
    beta_constraint: arg.ConstraintLike = arg.constraint()
    gamma_constraint: arg.ConstraintLike = arg.constraint()
    rms_scaling: bool = False

    supports_masking = True

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        return args  # as in Keras the moments are those of the input before any cast; only the output is cast

    def call(self, inputs: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
        axes, shape = _normal_axes(self, inputs)
        gamma = beta = None
        if self.scale or self.rms_scaling:
            gamma = self.add_weight(
                shape, self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            )  # fmt: skip
        if self.center and not self.rms_scaling:
            beta = self.add_weight(
                shape, self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            )  # fmt: skip
        if self.rms_scaling:
            x = moments.scaled_by_deviation(inputs, gamma, axes=axes, epsilon=self.epsilon)
        else:
            x = moments.standardised(inputs, gamma, beta, axes=axes, epsilon=self.epsilon)
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
    Unlike Keras, whose scale always falls on the last axes, the scale belongs to the axes that are normalised.
    """

    axis: arg.AxesLike = field(-1, convert=_axes)
    epsilon: float = 1e-6

    def call(self, inputs: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
        axes, shape = _normal_axes(self, inputs)
        scale = self.add_weight(shape, "ones", name="scale")
        x = moments.scaled_by_root_mean_square(inputs, scale, axes=axes, epsilon=self.epsilon)
        return x.astype(inputs.dtype)


def _groups(value: int) -> int:
    """A converter: a positive number of groups, or -1."""
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
    beta_initializer: arg.InitializerLike = arg.initializer("zeros")
    gamma_initializer: arg.InitializerLike = arg.initializer("ones")
    beta_regularizer: arg.RegularizerLike = arg.regularizer()
    gamma_regularizer: arg.RegularizerLike = arg.regularizer()
    beta_constraint: arg.ConstraintLike = arg.constraint()
    gamma_constraint: arg.ConstraintLike = arg.constraint()

    supports_masking = True

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        return args  # as in Keras the moments are those of the input before any cast; only the output is cast

    def call(self, inputs: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
        axis = known_axis(self, self.axis, inputs)
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
        gamma = beta = None
        if self.scale:
            gamma = self.add_weight(
                (channels,), self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            )  # fmt: skip
        if self.center:
            beta = self.add_weight(
                (channels,), self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            )  # fmt: skip
        x = moments.standardised_in_groups(inputs, gamma, beta, axis=axis, groups=groups, epsilon=self.epsilon)
        return x.astype(self.compute_dtype)


@register("keras.layers")
class UnitNormalization(Layer):
    """Each example scaled to norm 1: `x / max(||x||, 1e-12)`.

    Args:
        axis: the axis, or axes, of the norm.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.UnitNormalization()(jnp.array([[3.0, 4.0]]))
    Array([[0.6, 0.8]], dtype=float32)

    Reference: https://keras.io/api/layers/normalization_layers/unit_normalization/
    """

    axis: arg.AxesLike = field(-1, convert=_axes)

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
        axes, _ = _normal_axes(self, inputs)
        return moments.scaled_by_norm(inputs, axes=axes).astype(self.compute_dtype)
