"""Preprocessing of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self, TypeAlias

import jax.numpy as jnp
import numpy as np

from ...core import NON_TRAINABLE, Layer, explain, field, register
from ...core.typing import Array, ArrayLike, Float, Num, PyTree
from .._shapes import known_axis

#: Numbers as they are given to a layer; JSON writes lists.
Moment: TypeAlias = ArrayLike | Sequence[float] | None


def _axes(axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """A converter: axes as a tuple."""
    return () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)


@register("keras.layers")
class Normalization(Layer):
    """`(inputs - mean) / sqrt(variance)`, feature by feature.

    The moments are given, or learnt from data by `adapt`, which returns a new layer.

    Args:
        axis: the axes whose entries keep moments of their own; `None` for one mean of everything.
        mean, variance: the moments, if they are known.
        invert: whether to go back: `inputs * sqrt(variance) + mean`.

    Raises:
        ValueError: only one of the two moments.

    >>> import fkeras as fk, jax, numpy as np
    >>> layer = fk.nn.Normalization().adapt(np.array([[1.0], [3.0]]))
    >>> variables = layer.init(jax.random.key(0), np.ones((1, 1), "float32"))
    >>> layer.apply(variables, np.array([[3.0]]))
    Array([[1.]], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/numerical/normalization/
    """

    axis: int | Sequence[int] | None = field(-1, convert=_axes)
    mean: Moment = None
    variance: Moment = None
    invert: bool = False
    # The mean, variance and count of the data of `adapt`, with which the layer's variables start.
    _adapted: tuple[np.ndarray, np.ndarray, int] | None = None

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.mean is None) != (self.variance is None):
            raise ValueError(
                explain(
                    "Normalization needs both mean and variance, or neither.",
                    received=f"mean={self.mean!r}, variance={self.variance!r}",
                    write="Normalization(mean=0.0, variance=1.0), or Normalization().adapt(data)",
                )
            )

    def call(self, inputs: Num[ArrayLike, "batch ..."]) -> Float[Array, "batch ..."]:
        x = jnp.asarray(inputs).astype(self.compute_dtype)
        keep = tuple(sorted(known_axis(self, a, x) for a in _axes(self.axis)))
        shape = tuple(x.shape[i] for i in keep)
        if self.mean is None:
            mean, variance = self._moments(shape)
        else:
            mean, variance = (jnp.asarray(m, x.dtype) for m in (self.mean, self.variance))
            mean, variance = (_over(m, shape) for m in (mean, variance))
        full = tuple(x.shape[i] if i in keep else 1 for i in range(x.ndim))
        mean, deviation = jnp.reshape(mean, full).astype(x.dtype), jnp.sqrt(variance.reshape(full)).astype(x.dtype)
        if self.invert:
            return mean + x * jnp.maximum(deviation, 1e-7)
        return (x - mean) / jnp.maximum(deviation, 1e-7)

    def _moments(self, shape: tuple[int, ...]) -> tuple[Array | np.ndarray, Array | np.ndarray]:
        """The variables of the mean and the variance."""
        start = self._adapted or (np.zeros(shape, np.float32), np.ones(shape, np.float32), 0)
        if np.shape(start[0]) != tuple(shape):
            raise ValueError(
                explain(
                    f"{self.path_text()} was adapted to other features.",
                    received=f"moments of shape {np.shape(start[0])} for axes of shape {tuple(shape)}",
                    write="layer.adapt(data) with data of the input's shape",
                )
            )
        mean, variance, _ = (
            self.variable(NON_TRAINABLE, name, lambda v=value, d=dtype: jnp.asarray(v, d)).value
            for name, value, dtype in zip(
                ("mean", "variance", "count"), start, ("float32", "float32", "int32"), strict=True
            )
        )
        return mean, variance

    def adapt(self, data: PyTree) -> Self:
        """A new layer with the moments of `data`.

        Args:
            data: an array, or an iterable of batches (arrays, or tuples that begin with one).

        Returns:
            A new layer.

        Raises:
            ValueError: no data.
        """
        batches = [data] if hasattr(data, "shape") else _batches(data)
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches:
            x = np.asarray(batch, np.float64)
            keep = {a % x.ndim for a in _axes(self.axis)}
            reduce = tuple(i for i in range(x.ndim) if i not in keep)
            size = int(np.prod([x.shape[i] for i in reduce]))
            # Chan et al. (1979): moments of two parts together
            total = count + size
            delta = x.mean(reduce) - mean
            variance = (variance * count + x.var(reduce) * size) / total + delta**2 * count * size / total**2
            mean = mean + delta * (size / total)
            count = total
        if count == 0:
            raise ValueError(
                explain("`adapt` was given no data.", received=type(data).__name__, write="layer.adapt(x)")
            )
        return self.replace(_adapted=(mean.astype(np.float32), variance.astype(np.float32), count))


def _batches(data: Iterable[PyTree]) -> Iterable[PyTree]:
    """The arrays of an iterable of batches, or of one list of numbers."""
    values = list(data)
    if values and not any(hasattr(v, "shape") or isinstance(v, tuple) for v in values):
        return [np.asarray(values)]
    return [v[0] if isinstance(v, tuple) else v for v in values]


def _over(moment: Array, shape: tuple[int, ...]) -> Array:
    """Moments given by the user over the kept axes."""
    lead = (1,) * (len(shape) - moment.ndim) if moment.ndim < len(shape) else ()
    moment = moment.reshape(lead + moment.shape)
    if moment.ndim > len(shape):
        moment = moment.reshape(moment.shape[moment.ndim - len(shape) :])
    return jnp.broadcast_to(moment, shape)
