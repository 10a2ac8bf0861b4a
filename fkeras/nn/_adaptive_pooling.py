"""Pooling to an output of a given size, whatever the input's."""

from __future__ import annotations

from typing import TypeVar

import jax.numpy as jnp
import numpy as np

from ..core import Layer, field, register
from ..core.typing import Array, Bool, Num
from . import _arguments as arg
from ._shapes import check_rank, from_last, to_last

Pool = TypeVar("Pool", bound="type[_AdaptivePool]")


class _AdaptivePool(Layer):
    """Window `i` of `n` over an axis of length `L` is `[floor(i L / n), ceil((i + 1) L / n))`."""

    output_size: arg.SizesLike = field()
    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    _rank = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "output_size", arg.sizes(self._rank, "output_size")(self.output_size))
        super().__post_init__()

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch ..."]:
        check_rank(self, inputs, self._rank + 2)
        x = to_last(inputs, self.data_format)
        for axis, size in enumerate(self.output_size, start=1):
            length = x.shape[axis]
            starts = np.arange(size) * length // size
            ends = -(-(np.arange(size) + 1) * length // size)
            x = self._pool(x, axis, starts, ends)
        return from_last(x, self.data_format)

    def _pool(
        self, x: Num[Array, "batch ..."], axis: int, starts: np.ndarray, ends: np.ndarray
    ) -> Num[Array, "batch ..."]:
        """One number for each window `[start, end)` along an axis."""
        raise NotImplementedError


def _windows(
    x: Num[Array, "batch ..."], axis: int, starts: np.ndarray, ends: np.ndarray
) -> tuple[Num[Array, "*windows"], Bool[Array, "count longest"]]:
    """Each window's entries on a new axis after `axis`, padded to the longest window, and which of them are inside."""
    last = jnp.asarray(ends, jnp.int32)[:, None]
    places = jnp.asarray(starts, jnp.int32)[:, None] + jnp.arange(int((ends - starts).max()), dtype=jnp.int32)[None]
    return jnp.take(x, jnp.minimum(places, last - 1), axis=axis), places < last


class _AdaptiveAverage(_AdaptivePool):
    def _pool(
        self, x: Num[Array, "batch ..."], axis: int, starts: np.ndarray, ends: np.ndarray
    ) -> Num[Array, "batch ..."]:
        entries, inside = _windows(x, axis, starts, ends)
        counts = jnp.asarray(ends - starts, jnp.int32).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        inside = inside.reshape((1,) * axis + inside.shape + (1,) * (x.ndim - axis - 1))
        return jnp.sum(jnp.where(inside, entries, 0), axis=axis + 1) / counts.reshape((1,) * axis + counts.shape)


class _AdaptiveMax(_AdaptivePool):
    def _pool(
        self, x: Num[Array, "batch ..."], axis: int, starts: np.ndarray, ends: np.ndarray
    ) -> Num[Array, "batch ..."]:
        # a short window is padded with its last entry, which changes no maximum
        return jnp.max(_windows(x, axis, starts, ends)[0], axis=axis + 1)


_DOC = """{what} of windows that divide the input evenly into an output of a given size.

    Args:
        output_size: the output's size; one number or one an axis.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, {axes}, channels)`. Output shape: `(batch, *output_size, channels)`.

    Raises:
        ValueError: a size that is not positive.

    >>> import fkeras as fk
    >>> fk.nn.{name}(2)(fk.Input(({sizes}, 3))).shape
    (None, {outs}, 3)

    Reference: https://keras.io/api/layers/pooling_layers/
    """


def _document(cls: Pool) -> Pool:
    """A pooling class with its docstring."""
    rank, average = cls._rank, issubclass(cls, _AdaptiveAverage)
    cls.__doc__ = _DOC.format(
        what="The mean" if average else "The largest number",
        axes=", ".join(["steps"] if rank == 1 else ["depth", "height", "width"][3 - rank :]),
        name=cls.__name__,
        sizes=", ".join(["5"] * rank),
        outs=", ".join(["2"] * rank),
    )
    return cls


@register("keras.layers")
@_document
class AdaptiveAveragePooling1D(_AdaptiveAverage):
    _rank = 1


@register("keras.layers")
@_document
class AdaptiveAveragePooling2D(_AdaptiveAverage):
    _rank = 2


@register("keras.layers")
@_document
class AdaptiveAveragePooling3D(_AdaptiveAverage):
    _rank = 3


@register("keras.layers")
@_document
class AdaptiveMaxPooling1D(_AdaptiveMax):
    _rank = 1


@register("keras.layers")
@_document
class AdaptiveMaxPooling2D(_AdaptiveMax):
    _rank = 2


@register("keras.layers")
@_document
class AdaptiveMaxPooling3D(_AdaptiveMax):
    _rank = 3
