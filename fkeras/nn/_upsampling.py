"""Inputs enlarged by whole factors."""

from __future__ import annotations

import jax.numpy as jnp

from ..core import Layer, field, register
from ..core.typing import Array, Num
from . import _arguments as arg
from ._resize import of_corners, resize
from ._shapes import check_rank, from_last, to_last

# What `"bilinear"` was in Keras before it computed with TensorFlow 2: pixels were measured from their corners.
_OF_CORNERS = "bilinear_of_tensorflow_1"
_RESIZE = {"bilinear": "linear", "bicubic": "cubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5"}


@register("keras.layers")
class UpSampling1D(Layer):
    """Each step of a sequence repeated.

    Args:
        size: how many times.

    Input shape: `(batch, steps, features)`. Output shape: `(batch, size * steps, features)`.

    >>> import fkeras as fk
    >>> fk.nn.UpSampling1D(3)(fk.Input((4, 2))).shape
    (None, 12, 2)

    Reference: https://keras.io/api/layers/reshaping_layers/up_sampling1d/
    """

    size: int = field(2, convert=lambda value: arg.positive_int(value, "size"))

    def call(self, inputs: Num[Array, "batch steps features"]) -> Num[Array, "batch new_steps features"]:
        check_rank(self, inputs, 3)
        return jnp.repeat(inputs, self.size, axis=1)


@register("keras.layers")
class UpSampling2D(Layer):
    """An image enlarged by whole factors.

    Args:
        size: the factors of height and width, or one number for both.
        data_format: `"channels_last"` (the default) or `"channels_first"`.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`; and what
            `"bilinear"` was on TensorFlow 1, `"bilinear_of_tensorflow_1"`, which Keras 3 does not have.

    >>> import fkeras as fk
    >>> fk.nn.UpSampling2D()(fk.Input((4, 4, 3))).shape
    (None, 8, 8, 3)

    Reference: https://keras.io/api/layers/reshaping_layers/up_sampling2d/
    """

    size: arg.SizesLike = field((2, 2), convert=arg.sizes(2, "size"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)
    interpolation: str = field("nearest", convert=arg.one_of("interpolation", "nearest", *_RESIZE, _OF_CORNERS))

    def call(self, inputs: Num[Array, "batch height width channels"]) -> Num[Array, "batch ..."]:
        check_rank(self, inputs, 4)
        x = to_last(inputs, self.data_format)
        if self.interpolation == "nearest":
            x = jnp.repeat(jnp.repeat(x, self.size[0], axis=1), self.size[1], axis=2)
        elif self.interpolation == _OF_CORNERS:
            for axis, factor in zip((1, 2), self.size, strict=True):
                x = of_corners(x, axis, x.shape[axis] * factor, "bilinear")
        else:
            shape = (x.shape[0], x.shape[1] * self.size[0], x.shape[2] * self.size[1], x.shape[3])
            resized = resize(x, shape, _RESIZE[self.interpolation], antialias=False)
            if jnp.issubdtype(x.dtype, jnp.integer):  # rounded to what the dtype can hold
                info = jnp.iinfo(x.dtype)
                resized = jnp.clip(jnp.round(resized), info.min, info.max)
            x = resized.astype(x.dtype)
        return from_last(x, self.data_format)


@register("keras.layers")
class UpSampling3D(Layer):
    """A volume enlarged by whole factors.

    Args:
        size: the factors of the three axes, or one number for all.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    >>> import fkeras as fk
    >>> fk.nn.UpSampling3D((1, 2, 3))(fk.Input((2, 2, 2, 1))).shape
    (None, 2, 4, 6, 1)

    Reference: https://keras.io/api/layers/reshaping_layers/up_sampling3d/
    """

    size: arg.SizesLike = field((2, 2, 2), convert=arg.sizes(3, "size"))
    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    def call(self, inputs: Num[Array, "batch depth height width channels"]) -> Num[Array, "batch ..."]:
        check_rank(self, inputs, 5)
        x = to_last(inputs, self.data_format)
        for axis, factor in enumerate(self.size, start=1):
            x = jnp.repeat(x, factor, axis=axis)
        return from_last(x, self.data_format)


@register("fkeras")
class ResizeOfTensorFlow1(Layer):
    """Images of another size, as TensorFlow 1 resized them: pixels are measured from their corners.

    Args:
        size: the height and the width.
        interpolation: `"bilinear"` or `"nearest"`.

    Input shape: `(batch, height, width, channels)`.

    >>> import jax.numpy as jnp
    >>> ResizeOfTensorFlow1((1, 4))(jnp.arange(2.0).reshape(1, 1, 2, 1))[0, 0, :, 0]
    Array([0. , 0.5, 1. , 1. ], dtype=float32)

    Reference: https://github.com/tensorflow/tensorflow/blob/v1.15.5/tensorflow/core/kernels/image_resizer_state.h
    """

    size: arg.SizesLike = field((1, 1), convert=arg.sizes(2, "size"))
    interpolation: str = field("bilinear", convert=arg.one_of("interpolation", "bilinear", "nearest"))

    def call(self, inputs: Num[Array, "batch height width channels"]) -> Num[Array, "batch ..."]:
        check_rank(self, inputs, 4)
        x = inputs
        for axis, new in zip((1, 2), self.size, strict=True):
            x = of_corners(x, axis, new, self.interpolation)
        return x
