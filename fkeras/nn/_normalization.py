"""Normalisation over the batch."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import SupportsIndex, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Layer, explain, field, keeps_changes, register
from ..core.typing import Array, ArrayLike, DTypeLike, Float, Key, Num, Training
from . import _arguments as arg
from ._moments import Moments, by_shape, from_moments_by, in_one_pass, in_two_passes, moment, wide
from ._sequence_masks import MaskLike, check_mask
from ._shapes import NamedLayer, along, known_axis
from ._synchronized import axis_names, device_axes

#: One number for each channel.
PerChannel: TypeAlias = 'Float[Array, " channels"]'
#: Bounds of the corrections of batch renormalisation, `(rmin, rmax, dmax)`.
Bounds: TypeAlias = tuple[float | None, float | None, float | None]


def _one_axis(value: SupportsIndex) -> int:
    """A converter: one axis."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError(
            explain(
                "`axis` is one axis, the channels'.",
                received=f"axis={value!r}",
                usually="an argument of LayerNormalization, which takes several.",
                write="axis=-1",
            )
        )
    return int(value)


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
        synchronized: under `jit` a batch that is sharded over devices is normalised as a whole, whatever this is.
            Inside `jax.shard_map` and `jax.pmap` each device sees its part: `True` takes the moments over the devices
            of the axis there, and a name, `"batch"`, or several, over the axes of those names.

    Raises:
        ValueError: other keys or wrong bounds in `renorm_clipping`; `synchronized=True` inside a `shard_map` over
            several axes that the input differs along.
        NameError: a name in `synchronized` that nothing binds.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.BatchNormalization().init(jax.random.key(0), jnp.ones((1, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'batch_stats': {'mean': (3,), 'var': (3,)}, 'params': {'bias': (3,), 'scale': (3,)}}

    Reference: Ioffe and Szegedy, arXiv:1502.03167; Ioffe, arXiv:1702.03275 (renormalisation).
    https://keras.io/api/layers/normalization_layers/batch_normalization/
    """

    axis: int = field(-1, convert=_one_axis)
    momentum: float = field(0.99, convert=float)
    epsilon: float = field(0.001, convert=float)
    center: bool = True
    scale: bool = True
    beta_initializer: arg.InitializerLike = arg.initializer("zeros")
    gamma_initializer: arg.InitializerLike = arg.initializer("ones")
    moving_mean_initializer: arg.InitializerLike = arg.initializer("zeros")
    moving_variance_initializer: arg.InitializerLike = arg.initializer("ones")
    beta_regularizer: arg.RegularizerLike = arg.regularizer()
    gamma_regularizer: arg.RegularizerLike = arg.regularizer()
    beta_constraint: arg.ConstraintLike = arg.constraint()
    gamma_constraint: arg.ConstraintLike = arg.constraint()
    renorm: bool = False
    renorm_clipping: Mapping[str, float] | None = None
    renorm_momentum: float = field(0.99, convert=float)
    synchronized: bool | str | tuple[str, ...] = field(False, convert=axis_names)

    supports_masking = True

    def __post_init__(self) -> None:
        if self.renorm:
            object.__setattr__(self, "renorm_clipping", _clipping(self.renorm_clipping))
        super().__post_init__()

    def call(
        self, inputs: Num[Array, "*shape"], training: Training | None = None, mask: ArrayLike | None = None
    ) -> Float[Array, "*shape"]:
        axis = known_axis(self, self.axis, inputs)
        size = _known_size(self, inputs, axis)
        mask = _checked_mask(self, mask, inputs)
        mean = self._running("mean", self.moving_mean_initializer, size)
        var = self._running("var", self.moving_variance_initializer, size)
        renormal = self._renorm_statistics(size) if self.renorm else None
        gamma = beta = None
        if self.scale:
            gamma = self.add_weight(
                (size,), self.gamma_initializer, autocast=False, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="scale",
            )  # fmt: skip
        if self.center:
            beta = self.add_weight(
                (size,), self.beta_initializer, autocast=False, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="bias",
            )  # fmt: skip
        if not (training and self.trains()):
            y = _by_running_moments(inputs, mean.value, var.value, gamma, beta, axis=axis, epsilon=self.epsilon)
            return y.astype(self.compute_dtype)
        running = bounds = None
        if renormal is not None:
            running, bounds = tuple(v.value for v in renormal), _bounds(self.renorm_clipping or {})
        y, batch_mean, batch_var = _by_batch(
            inputs, mask, gamma, beta, running, axis=axis, epsilon=self.epsilon, bounds=bounds,
            over=() if self.is_initializing() else device_axes(self, self.synchronized, inputs),
        )  # fmt: skip
        if renormal is not None:
            self._update_renorm(batch_mean, batch_var, mean, var, renormal)
        else:
            self._move(mean, batch_mean, self.momentum)
            self._move(var, batch_var, self.momentum)
        return y.astype(self.compute_dtype)

    # ------------------------------------------------------------------ running moments
    def _running(self, name: str, initializer: arg.InitializerLike, size: int) -> linen.Variable:
        """A moment, one number for each channel, in the collection `batch_stats`."""
        dtype = self.variable_dtype
        return self.variable("batch_stats", name, lambda: initializer(self.make_rng("params"), (size,), dtype))

    def _set(self, variable: linen.Variable, value: PerChannel) -> None:
        if keeps_changes(self, "batch_stats"):
            variable.value = value.astype(variable.value.dtype)

    def _move(self, variable: linen.Variable, new: PerChannel, momentum: float) -> PerChannel:
        """Move a running average towards a new value, which is returned."""
        value = _moved(variable.value, new, momentum)
        self._set(variable, value)
        return value

    def _renorm_statistics(self, size: int) -> tuple[linen.Variable, linen.Variable, linen.Variable]:
        """The running deviation, and the mean and the deviation that correct the batch's."""

        def deviation(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> PerChannel:
            return jnp.sqrt(self.moving_variance_initializer(key, shape, dtype))

        return (
            self._running("stddev", deviation, size),
            self._running("renorm_mean", self.moving_mean_initializer, size),
            self._running("renorm_stddev", deviation, size),
        )

    def _update_renorm(
        self,
        batch_mean: PerChannel,
        batch_var: PerChannel,
        mean: linen.Variable,
        var: linen.Variable,
        renormal: tuple[linen.Variable, linen.Variable, linen.Variable],
    ) -> None:
        """Move all running moments of a layer with renormalisation."""
        deviation, renorm_mean, renorm_deviation = renormal
        batch_deviation = jnp.sqrt(batch_var + self.epsilon)
        self._move(renorm_mean, batch_mean, self.renorm_momentum)
        self._move(renorm_deviation, batch_deviation, self.renorm_momentum)
        self._move(mean, batch_mean, self.momentum)
        moved = self._move(deviation, batch_deviation, self.momentum)
        self._set(var, jnp.maximum(moved * moved - self.epsilon, 0))


def _known_size(layer: BatchNormalization, inputs: Num[Array, "*shape"], axis: int) -> int:
    """The number of channels.

    Raises:
        ValueError: it is not known.
    """
    size = inputs.shape[axis]
    if not isinstance(size, int):
        raise ValueError(
            explain(
                f"{layer.path_text()} needs a known size of axis {layer.axis}.",
                received=f"shape {tuple(inputs.shape)}",
                usually="an Input with None where the channels are.",
                write="fk.Input((None, None, 3))",
            )
        )
    return size


def _checked_mask(
    layer: NamedLayer, mask: ArrayLike | None, inputs: Num[Array, "*shape"]
) -> jax.Array | np.ndarray | None:
    """The mask, which has all axes of the input but the last.

    Raises:
        ValueError: a mask of another rank or shape.
    """
    if mask is not None and jnp.ndim(mask) != inputs.ndim - 1:
        raise ValueError(
            explain(
                f"{layer.path_text()} takes a mask with one axis less than the input.",
                received=f"a mask of rank {jnp.ndim(mask)}, an input of shape {tuple(inputs.shape)}",
                write="mask=valid[..., 0], one entry a position",
            )
        )
    return check_mask(layer, mask, inputs.shape[:-1])


# ------------------------------------------------------------------ renormalisation's bounds
_BOUNDS = ("rmin", "rmax", "dmax")


def _bounds(limits: Mapping[str, float]) -> Bounds:
    """Limits by name in the order of `_BOUNDS`."""
    return limits.get("rmin"), limits.get("rmax"), limits.get("dmax")


def _clipping(given: Mapping[str, float] | None) -> dict[str, float]:
    """Bounds of the corrections of batch renormalisation, checked."""
    bounds = dict(given or {})
    low, high, shift = _bounds(bounds)
    wrong = set(bounds) - set(_BOUNDS)
    if wrong or (low is not None and high is not None and low > high) or (shift is not None and shift < 0):
        raise ValueError(
            explain(
                "BatchNormalization: `renorm_clipping` has bounds `rmin <= rmax` and `dmax >= 0`.",
                received=repr(given),
                write='renorm_clipping={"rmin": 0.3, "rmax": 3.0, "dmax": 5.0}',
            )
        )
    return bounds


# ------------------------------------------------------------------ the arithmetic
@from_moments_by(in_two_passes, in_one_pass, "axis", "epsilon", "bounds", "over")
def _by_batch(
    moments: Moments,
    x: Num[Array, "*shape"],
    mask: MaskLike,
    gamma: PerChannel | None,
    beta: PerChannel | None,
    running: tuple[PerChannel, PerChannel, PerChannel] | None,
    *,
    axis: int,
    epsilon: float,
    bounds: Bounds | None,
    over: tuple[str, ...],
) -> tuple[Float[Array, "*shape"], PerChannel, PerChannel]:
    """`(y, mean, var)`: normalised by the batch's moments, which `running` ones correct where there are any."""
    x = wide(x)
    if over:  # where the devices have different entries, and none to begin one pass from
        moments = in_two_passes
    mean, var = _moments(moments, x, axis, over) if mask is None else _masked_moments(x, axis, mask, over)
    stretch = offset = None
    if running is not None and bounds is not None:
        stretch, offset = _correction(mean, var, running, epsilon, bounds)
    return _normalised(x, mean, var, epsilon, axis, gamma, beta, stretch, offset), mean, var


@functools.partial(by_shape, static_argnames=("axis", "epsilon"))
def _by_running_moments(
    x: Num[Array, "*shape"],
    mean: PerChannel,
    var: PerChannel,
    gamma: PerChannel | None,
    beta: PerChannel | None,
    *,
    axis: int,
    epsilon: float,
) -> Float[Array, "*shape"]:
    """The input normalised by running moments."""
    x = wide(x)
    return _normalised(x, mean.astype(x.dtype), var.astype(x.dtype), epsilon, axis, gamma, beta, None, None)


def _correction(
    mean: PerChannel,
    var: PerChannel,
    running: tuple[PerChannel, PerChannel, PerChannel],
    epsilon: float,
    bounds: Bounds,
) -> tuple[PerChannel, PerChannel]:
    """`(r, d)` of batch renormalisation."""
    _, running_mean, running_deviation = (value.astype(mean.dtype) for value in running)
    running_deviation = jnp.maximum(running_deviation, epsilon**0.5)  # no division by zero early on
    low, high, shift = bounds
    r = jnp.clip(jnp.sqrt(var + epsilon) / running_deviation, low, high)
    d = (mean - running_mean) / running_deviation
    if shift is not None:
        d = jnp.clip(d, -shift, shift)
    return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)


def _moments(
    moments: Moments, x: Float[Array, "*shape"], axis: int, over: tuple[str, ...]
) -> tuple[PerChannel, PerChannel]:
    """Mean and biased variance for each channel; also over the devices of some axes of a mesh."""
    axes = tuple(i for i in range(x.ndim) if i != axis)
    mean_of = functools.partial(jnp.mean, axis=axes, keepdims=True)
    mean, var = moments(x, (lambda a: jax.lax.pmean(mean_of(a), over)) if over else mean_of, axes)
    return mean.reshape(-1), var.reshape(-1)


def _masked_moments(
    x: Float[Array, "*shape"], axis: int, mask: MaskLike, over: tuple[str, ...]
) -> tuple[PerChannel, PerChannel]:
    """Those of what a mask keeps, in two passes: no entry is known to be kept, and E[x^2] - E[x]^2 cancels."""
    axes = tuple(i for i in range(x.ndim) if i != axis)

    def total(a: jax.Array) -> jax.Array:
        own = jnp.sum(a, axis=axes, dtype=x.dtype)
        return jax.lax.psum(own, over) if over else own

    visible = jnp.broadcast_to(jnp.asarray(mask, bool)[..., None], x.shape)
    count = total(visible) + 1e-7  # as Keras, against a batch in which all is masked
    x = jnp.where(visible, x, 0)  # not a product with 0: masked entries may be infinite or NaN
    mean = moment(total(x) / count)
    var = total(jnp.where(visible, jnp.square(x - along(mean, (axis,), x)), 0)) / count
    return mean, moment(var)


def _normalised(
    x: Float[Array, "*shape"],
    mean: PerChannel,
    var: PerChannel,
    epsilon: float,
    axis: int,
    gamma: PerChannel | None,
    beta: PerChannel | None,
    stretch: PerChannel | None,
    offset: PerChannel | None,
) -> Float[Array, "*shape"]:
    """`((x - mean) / sqrt(var + epsilon) stretch + offset) gamma + beta`, as one factor and one shift a channel."""
    factor = jax.lax.rsqrt(var + epsilon)
    shift = -mean * factor
    if stretch is not None and offset is not None:  # renormalised: x' r + d
        factor, shift = factor * stretch, shift * stretch + offset
    if gamma is not None:
        factor, shift = factor * gamma.astype(x.dtype), shift * gamma.astype(x.dtype)
    if beta is not None:
        shift = shift + beta.astype(x.dtype)
    return x * along(factor, (axis,), x) + along(shift, (axis,), x)


@functools.partial(by_shape, static_argnames="momentum")
def _moved(average: PerChannel, new: PerChannel, momentum: float) -> PerChannel:
    """A running average, moved towards a new value."""
    return average * momentum + new * (1 - momentum)
