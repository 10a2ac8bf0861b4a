"""Pooling: the largest number or the mean of each window, or of each channel."""

from __future__ import annotations

from typing import TypeVar

import jax.numpy as jnp
from flax import linen

from ..core import Layer, field, register
from ..core.typing import Array, Num, PyTree
from . import _arguments as arg
from ._sequence_masks import MaskLike, check_mask
from ._shapes import check_rank, check_window, from_last, to_last

LayerClass = TypeVar("LayerClass", bound="type[_Pool] | type[_GlobalPool]")


class _Pool(Layer):
    """One number for each window."""

    pool_size: arg.SizesLike = field()
    strides: arg.SizesLike = None
    padding: str = field("valid", convert=arg.one_of("padding", "valid", "same"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    _last_by_position = ("name",)
    _rank = 0
    _average = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "pool_size", arg.sizes(self._rank, "pool_size")(self.pool_size))
        strides = self.pool_size if self.strides is None else self.strides
        object.__setattr__(self, "strides", arg.sizes(self._rank, "strides")(strides))
        super().__post_init__()

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch ..."]:
        check_rank(self, inputs, self._rank + 2)
        x = to_last(inputs, self.data_format)
        check_window(self, x.shape[1:-1], self.pool_size, self.padding)
        window = {"window_shape": self.pool_size, "strides": self.strides, "padding": self.padding.upper()}
        if self._average:  # padding is not part of a window's mean
            x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
            x = linen.avg_pool(x, **window, count_include_pad=False).astype(x.dtype)
        elif jnp.issubdtype(x.dtype, jnp.floating):
            x = linen.max_pool(x, **window)
        else:
            x = linen.max_pool(x.astype(jnp.float32), **window).astype(x.dtype)
        return from_last(x, self.data_format)


class _GlobalPool(Layer):
    """One number for each channel."""

    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    keepdims: bool = False

    _rank = 0

    def _axes(self, inputs: Num[Array, "batch ..."]) -> tuple[int, ...]:
        check_rank(self, inputs, self._rank + 2)
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self._rank))


class _GlobalMax(_GlobalPool):
    """The largest number of each channel."""

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch ..."]:
        return jnp.max(inputs, axis=self._axes(inputs), keepdims=self.keepdims)


class _GlobalAverage(_GlobalPool):
    """The mean of each channel."""

    def call(self, inputs: Num[Array, "batch *space channels"]) -> Num[Array, "batch ..."]:
        return jnp.mean(inputs, axis=self._axes(inputs), keepdims=self.keepdims)


_DOC = """{what} of each window, over {axes}.

    Args:
        pool_size: the window's size; one number or one an axis.
        strides: how far the window moves; its size by default.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, {shape}, channels)`.

    Raises:
        ValueError: wrong sizes or padding, or a window larger than the input.

    >>> import fkeras as fk
    >>> fk.nn.{name}(2)(fk.Input({example})).shape
    {result}

    Reference: https://keras.io/api/layers/pooling_layers/
    """

_GLOBAL_DOC = """{what} of each channel, over {axes}.

    Args:
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        keepdims: whether the pooled axes stay, as 1.

    Input shape: `(batch, {shape}, channels)`. Output shape: `(batch, channels)`.

    >>> import fkeras as fk
    >>> fk.nn.{name}()(fk.Input({example})).shape
    (None, 3)

    Reference: https://keras.io/api/layers/pooling_layers/
    """

_AXES = {
    1: ("time", "steps", (8, 3), (None, 4, 3)),
    2: ("height and width", "height, width", (8, 8, 3), (None, 4, 4, 3)),
    3: ("depth, height and width", "depth, height, width", (8, 8, 8, 3), (None, 4, 4, 4, 3)),
}


def _document(cls: LayerClass, text: str, what: str) -> LayerClass:
    """A pooling class, registered and with its docstring."""
    axes, shape, example, result = _AXES[cls._rank]
    cls.__doc__ = text.format(what=what, name=cls.__name__, axes=axes, shape=shape, example=example, result=result)
    return register("keras.layers")(cls)


class MaxPooling1D(_Pool):
    pool_size: arg.SizesLike = 2
    _rank = 1


class MaxPooling2D(_Pool):
    pool_size: arg.SizesLike = (2, 2)
    _rank = 2


class MaxPooling3D(_Pool):
    pool_size: arg.SizesLike = (2, 2, 2)
    _rank = 3


class AveragePooling1D(_Pool):
    _rank = 1
    _average = True


class AveragePooling2D(_Pool):
    _rank = 2
    _average = True


class AveragePooling3D(_Pool):
    _rank = 3
    _average = True


class GlobalMaxPooling1D(_GlobalMax):
    _rank = 1


class GlobalMaxPooling2D(_GlobalMax):
    _rank = 2


class GlobalMaxPooling3D(_GlobalMax):
    _rank = 3


class GlobalAveragePooling1D(_GlobalAverage):
    _rank = 1
    supports_masking = True

    def call(self, inputs: Num[Array, "batch time channels"], mask: MaskLike = None) -> Num[Array, "batch ..."]:
        if mask is None:
            return super().call(inputs)
        axes = self._axes(inputs)
        check_mask(self, mask, (inputs.shape[0], inputs.shape[axes[0]]))
        weights = (
            jnp.asarray(mask, inputs.dtype)[:, None, :] if axes == (2,) else jnp.asarray(mask, inputs.dtype)[..., None]
        )
        total = jnp.sum(inputs * weights, axis=axes, keepdims=self.keepdims)
        return total / jnp.sum(weights, axis=axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> None:
        return None


class GlobalAveragePooling2D(_GlobalAverage):
    _rank = 2


class GlobalAveragePooling3D(_GlobalAverage):
    _rank = 3


_FAMILIES: list[tuple[str, str, tuple[type[_Pool] | type[_GlobalPool], ...]]] = [
    (_DOC, "The largest value", (MaxPooling1D, MaxPooling2D, MaxPooling3D)),
    (_DOC, "The mean", (AveragePooling1D, AveragePooling2D, AveragePooling3D)),
    (_GLOBAL_DOC, "The largest value", (GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D)),
    (_GLOBAL_DOC, "The mean", (GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D)),
]
for _text, _what, _classes in _FAMILIES:
    for _cls in _classes:
        _document(_cls, _text, _what)
