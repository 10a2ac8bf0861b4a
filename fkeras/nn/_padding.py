"""Zeros around an input, and inputs without their borders."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from ..core import Layer, explain, field, register
from ..core.typing import Array, Config, Shaped
from . import _arguments as arg
from ._shapes import check_rank, from_last, pairs, to_last


class _ZeroPadding(Layer):
    """Zeros before and after each axis but the batch and the channels."""

    padding: arg.PairsLike = 1
    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    _rank = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", pairs(self._rank, "padding")(self.padding))
        super().__post_init__()

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch ..."]:
        check_rank(self, inputs, self._rank + 2)
        x = to_last(inputs, self.data_format)
        return from_last(jnp.pad(x, ((0, 0), *self.padding, (0, 0))), self.data_format)

    def get_config(self) -> Config:
        config = super().get_config()
        return {**config, "padding": config["padding"][0]} if self._rank == 1 else config


@register("keras.layers")
class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence.

    Args:
        padding: how many: one number, or `(before, after)`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    >>> import fkeras as fk
    >>> fk.nn.ZeroPadding1D((1, 2))(fk.Input((4, 3))).shape
    (None, 7, 3)

    Reference: https://keras.io/api/layers/reshaping_layers/zero_padding1d/
    """

    _rank = 1


@register("keras.layers")
class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image.

    Args:
        padding: rows and columns: one number, `(height, width)`, or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    >>> import fkeras as fk
    >>> fk.nn.ZeroPadding2D(1)(fk.Input((4, 4, 3))).shape
    (None, 6, 6, 3)

    Reference: https://keras.io/api/layers/reshaping_layers/zero_padding2d/
    """

    padding: arg.PairsLike = (1, 1)

    _rank = 2


@register("keras.layers")
class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume.

    Args:
        padding: one number, one an axis, or a pair an axis.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    >>> import fkeras as fk
    >>> fk.nn.ZeroPadding3D((1, 0, 2))(fk.Input((4, 4, 4, 3))).shape
    (None, 6, 4, 8, 3)

    Reference: https://keras.io/api/layers/reshaping_layers/zero_padding3d/
    """

    padding: arg.PairsLike = ((1, 1), (1, 1), (1, 1))

    _rank = 3


@register("keras.layers")
class Cropping1D(Layer):
    """A sequence without its beginning and end.

    Args:
        cropping: how many steps: one number, or `(before, after)`.

    Input shape: `(batch, steps, features)`.

    Raises:
        ValueError: nothing would be left.

    >>> import fkeras as fk
    >>> fk.nn.Cropping1D((1, 2))(fk.Input((8, 3))).shape
    (None, 5, 3)

    Reference: https://keras.io/api/layers/reshaping_layers/cropping1d/
    """

    cropping: arg.SizesLike = field((1, 1), convert=lambda value: pairs(1, "cropping")(value)[0])

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch ..."]:
        return _crop(self, inputs, (self.cropping,), "channels_last")


@register("keras.layers")
class Cropping2D(Layer):
    """An image without its border.

    Args:
        cropping: rows and columns: one number, `(height, width)`, or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Raises:
        ValueError: nothing would be left.

    >>> import fkeras as fk
    >>> fk.nn.Cropping2D(((1, 2), (0, 3)))(fk.Input((8, 8, 3))).shape
    (None, 5, 5, 3)

    Reference: https://keras.io/api/layers/reshaping_layers/cropping2d/
    """

    cropping: arg.PairsLike = field(((0, 0), (0, 0)), convert=pairs(2, "cropping"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch ..."]:
        return _crop(self, inputs, self.cropping, self.data_format)


@register("keras.layers")
class Cropping3D(Layer):
    """A volume without its border.

    Args:
        cropping: one number, one an axis, or a pair an axis.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Raises:
        ValueError: nothing would be left.

    >>> import fkeras as fk
    >>> fk.nn.Cropping3D(1)(fk.Input((4, 5, 6, 1))).shape
    (None, 2, 3, 4, 1)

    Reference: https://keras.io/api/layers/reshaping_layers/cropping3d/
    """

    cropping: arg.PairsLike = field(((1, 1), (1, 1), (1, 1)), convert=pairs(3, "cropping"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch ..."]:
        return _crop(self, inputs, self.cropping, self.data_format)


def _crop(
    layer: Layer,
    inputs: Shaped[Array, "batch ..."],
    cropping: Sequence[Sequence[int]],
    data_format: arg.DataFormat,
) -> Shaped[Array, "batch ..."]:
    """The input without the first and the last entries of each axis but the batch and the channels."""
    check_rank(layer, inputs, len(cropping) + 2)
    x = to_last(inputs, data_format)
    for axis, (before, after) in enumerate(cropping, start=1):
        size = x.shape[axis]
        if isinstance(size, int) and before + after >= size:
            raise ValueError(
                explain(
                    f"{layer.path_text()} would cut everything off.",
                    received=f"cropping={cropping}, an input of shape {tuple(inputs.shape)}",
                    usually="the input was already reduced by earlier layers.",
                    write="cropping that leaves something of each axis",
                )
            )
        x = x[(slice(None),) * axis + (slice(before, size - after),)]
    return from_last(x, data_format)
