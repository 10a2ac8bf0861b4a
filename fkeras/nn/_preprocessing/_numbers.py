"""Preprocessing of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import jax.numpy as jnp
import numpy as np

from ...core import NON_TRAINABLE, Layer, explain, field, is_called_alone, register
from ...core.typing import Array, ArrayLike, Config, Float, Num, PyTree
from .._shapes import known_axis
from ._adapt_data import batches_of

#: Numbers as they are given to a layer; JSON writes lists.
Moment: TypeAlias = ArrayLike | Sequence[float] | None


def _axes(axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """A converter: axes as a tuple."""
    return () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)


@register("keras.layers")
class Normalization(Layer):
    """`(inputs - mean) / sqrt(variance)`, feature by feature.

    The moments are given, or learnt from data by `adapt`, which returns a new layer. Those that were learnt are
    variables of the layer, in the collection `non_trainable`; called by itself on arrays, an adapted layer has them.

    Args:
        axis: the axes whose entries keep moments of their own; `None` for one mean of everything.
        mean, variance: the moments, if they are known.
        invert: whether to go back: `inputs * sqrt(variance) + mean`.

    Raises:
        ValueError: only one of the two moments, or moments of two shapes; a call by itself before `adapt`.

    >>> import fkeras as fk, jax, numpy as np
    >>> layer = fk.nn.Normalization().adapt(np.array([[1.0], [3.0]]))
    >>> layer.mean, layer.variance
    (array([[2.]], dtype=float32), array([[1.]], dtype=float32))
    >>> layer(np.array([[3.0]]))
    Array([[1.]], dtype=float32)
    >>> variables = layer.init(jax.random.key(0), np.ones((1, 1), "float32"))
    >>> layer.apply(variables, np.array([[3.0]]))
    Array([[1.]], dtype=float32)

    Reference: https://keras.io/api/layers/preprocessing_layers/numerical/normalization/
    """

    axis: int | Sequence[int] | None = field(-1, convert=_axes)
    mean: Moment = None
    variance: Moment = None
    invert: bool = False
    # How many rows `adapt` has seen, where the moments come from it: the layer's variables then start with them.
    _adapted: int | None = None

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
        if np.shape(self.mean) != np.shape(self.variance):
            raise ValueError(
                explain(
                    "Normalization needs a mean and a variance of one shape.",
                    received=f"shapes {np.shape(self.mean)} and {np.shape(self.variance)}",
                    write="Normalization(mean=[0.0, 0.0], variance=[1.0, 1.0])",
                )
            )

    @property
    def input_mean(self) -> Moment:
        """The mean that the constructor was given; `None` where `adapt` has learnt it."""
        return None if self._adapted is not None else self.mean

    @property
    def input_variance(self) -> Moment:
        """The variance that the constructor was given; `None` where `adapt` has learnt it."""
        return None if self._adapted is not None else self.variance

    @property
    def _not_adapted(self) -> str:
        """What a model with the layer in it has to be told, where the layer has no moments."""
        return "" if self.mean is not None else "its mean is 0 and its variance 1, and data pass as they are"

    def call(self, inputs: Num[ArrayLike, "batch ..."]) -> Float[Array, "batch ..."]:
        x = jnp.asarray(inputs).astype(self.compute_dtype)
        keep = tuple(sorted(known_axis(self, a, x) for a in _axes(self.axis)))
        shape = tuple(x.shape[i] for i in keep)
        if self.mean is None or self._adapted is not None:
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
        """The variables of the mean and the variance; by itself the layer has what `adapt` found."""
        start = self._learnt()
        if start is not None and start[0].shape != shape:
            raise ValueError(
                explain(
                    f"{self.path_text()} was adapted to other features.",
                    received=f"moments of shape {start[0].shape} for axes of shape {shape}",
                    write="layer = layer.adapt(data), with data of the input's shape",
                )
            )
        if is_called_alone(self) and not self.has_variable(NON_TRAINABLE, "mean"):
            if start is None:
                raise ValueError(
                    explain(
                        f"{self.path_text()} has no mean and no variance yet.",
                        received="a layer that was not adapted",
                        usually="`adapt` returns a new layer, and its result was not kept.",
                        write="layer = layer.adapt(data); or, of a model from a file, "
                        "layer.apply(model.variables_for(layer, variables), x)",
                    )
                )
            return start
        first, second = start or (np.zeros(shape, np.float32), np.ones(shape, np.float32))
        made = (("mean", first, "float32"), ("variance", second, "float32"), ("count", self._adapted or 0, "int32"))
        mean, variance, _ = (
            self.variable(NON_TRAINABLE, name, lambda v=value, d=dtype: jnp.asarray(v, d)).value
            for name, value, dtype in made
        )
        return mean, variance

    def _learnt(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The moments that `adapt` found, over the kept axes alone."""
        if self._adapted is None:
            return None
        mean, variance = np.asarray(self.mean), np.asarray(self.variance)
        keep = {a % mean.ndim for a in _axes(self.axis)}
        shape = [size for i, size in enumerate(mean.shape) if i in keep]
        return mean.reshape(shape), variance.reshape(shape)

    def adapt(self, data: PyTree) -> Self:
        """A new layer with the moments of `data`.

        Args:
            data: an array, a table of numbers, or something that yields batches (arrays, or tuples that begin
                with one).

        Returns:
            A new layer, whose `mean` and `variance` have the rank of the data, as Keras's.

        Raises:
            ValueError: no data, batches that do not go together, or moments that were given.
            TypeError: what holds no numbers.
        """
        if self.mean is not None and self._adapted is None:
            raise ValueError(
                explain(
                    f"{self.path_text()} was given its moments, so there is nothing to adapt.",
                    received=f"mean={self.mean!r:.40}",
                    write="layer = fk.nn.Normalization().adapt(data)",
                )
            )
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches_of(data):
            x = np.asarray(batch, np.float64)
            keep = {known_axis(self, a, x) for a in _axes(self.axis)}  # type: ignore[arg-type]  # numpy's
            reduce = tuple(i for i in range(x.ndim) if i not in keep)
            size = int(np.prod([x.shape[i] for i in reduce]))
            if not x.size:
                continue
            here = x.mean(reduce, keepdims=True)
            if count and here.shape != mean.shape:
                raise ValueError(
                    explain(
                        f"{self.path_text()}: batches of `adapt` have different features.",
                        received=f"moments of shape {mean.shape} before, a batch of shape {x.shape}",
                        usually="rows of several lengths; or targets among the arrays.",
                        write="layer = layer.adapt(x), with the inputs alone",
                    )
                )
            # Chan et al. (1979): moments of two parts together
            total = count + size
            delta = here - mean
            own = x.var(reduce, keepdims=True)
            variance = (variance * count + own * size) / total + delta**2 * count * size / total**2
            mean = mean + delta * (size / total)
            count = total
        if count == 0:
            raise ValueError(
                explain("`adapt` was given no data.", received=type(data).__name__, write="layer = layer.adapt(x)")
            )
        if count == 1 and mean.ndim == 1 and mean.size > 1:
            raise ValueError(
                explain(
                    f"{self.path_text()}: `adapt` took an array of one axis for one row of {mean.size} features.",
                    received=f"shape {mean.shape}, axis={self.axis}",
                    usually="one number for each row, as a column of a table is.",
                    write="layer = fk.nn.Normalization(axis=None).adapt(x), or layer.adapt(x[:, None])",
                )
            )
        return self.replace(mean=mean.astype(np.float32), variance=variance.astype(np.float32), _adapted=count)

    def _replaced(self, changes: dict[str, Any]) -> Self:
        """Moments that are given take the place of those of `adapt`."""
        given = {"mean", "variance"} & set(changes)
        return super()._replaced({**({"_adapted": None} if given else {}), **changes})

    def get_config(self) -> Config:
        return {**super().get_config(), "mean": self.input_mean, "variance": self.input_variance}


def _over(moment: Array, shape: tuple[int, ...]) -> Array:
    """Moments given by the user over the kept axes."""
    lead = (1,) * (len(shape) - moment.ndim) if moment.ndim < len(shape) else ()
    moment = moment.reshape(lead + moment.shape)
    if moment.ndim > len(shape):
        moment = moment.reshape(moment.shape[moment.ndim - len(shape) :])
    return jnp.broadcast_to(moment, shape)
