"""ResNet-50, once in Keras's words, for Keras and for fkeras, and once by hand in Flax."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

_EPSILON = 1.001e-5


def resnet(library: Any, parts: Any, size: int, blocks: tuple[int, ...], width: int, classes: int = 10) -> Any:
    """The model of He et al. (2015), as `keras.applications.ResNet50` has it.

    Args:
        library, parts: `keras` or `fkeras`, and its layers.
        size: the images' height and width.
        blocks: how many a stage has: (3, 4, 6, 3) are the fifty layers.
        width: filters of the first stage, 64 in ResNet-50.
        classes: the outputs.
    """

    def normal(x: Any) -> Any:
        return parts.BatchNormalization(epsilon=_EPSILON)(x)

    def bottleneck(x: Any, filters: int, stride: int, widen: bool) -> Any:
        shortcut = normal(parts.Conv2D(4 * filters, 1, strides=stride)(x)) if widen else x
        x = parts.Activation("relu")(normal(parts.Conv2D(filters, 1, strides=stride)(x)))
        x = parts.Activation("relu")(normal(parts.Conv2D(filters, 3, padding="same")(x)))
        x = parts.Add()([shortcut, normal(parts.Conv2D(4 * filters, 1)(x))])
        return parts.Activation("relu")(x)

    inputs = library.Input((size, size, 3))
    x = parts.Conv2D(width, 7, strides=2)(parts.ZeroPadding2D(3)(inputs))
    x = parts.ZeroPadding2D(1)(parts.Activation("relu")(normal(x)))
    x = parts.MaxPooling2D(3, strides=2)(x)
    for stage, count in enumerate(blocks):
        for block in range(count):
            x = bottleneck(x, width * 2**stage, 2 if stage and not block else 1, widen=not block)
    return library.Model(inputs, parts.Dense(classes)(parts.GlobalAveragePooling2D()(x)))


class _Bottleneck(nn.Module):
    filters: int
    stride: int
    widen: bool
    train: bool
    dtype: Any

    @nn.compact
    def __call__(self, x):
        normal = partial(
            nn.BatchNorm, use_running_average=not self.train, momentum=0.99, epsilon=_EPSILON, dtype=self.dtype
        )
        conv, stride = partial(nn.Conv, dtype=self.dtype), (self.stride, self.stride)
        shortcut = normal()(conv(4 * self.filters, (1, 1), stride)(x)) if self.widen else x
        x = nn.relu(normal()(conv(self.filters, (1, 1), stride)(x)))
        x = nn.relu(normal()(conv(self.filters, (3, 3))(x)))
        return nn.relu(shortcut + normal()(conv(4 * self.filters, (1, 1))(x)))


class Linen(nn.Module):
    """The same by hand."""

    blocks: tuple[int, ...]
    width: int
    classes: int = 10
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x, train: bool = True):
        x = nn.Conv(self.width, (7, 7), (2, 2), padding=[(3, 3), (3, 3)], dtype=self.dtype)(x)
        normal = nn.BatchNorm(use_running_average=not train, momentum=0.99, epsilon=_EPSILON, dtype=self.dtype)
        x = nn.relu(normal(x))
        x = nn.max_pool(x, (3, 3), (2, 2), padding=[(1, 1), (1, 1)])
        for stage, count in enumerate(self.blocks):
            for block in range(count):
                stride = 2 if stage and not block else 1
                x = _Bottleneck(self.width * 2**stage, stride, not block, train, self.dtype)(x)
        return nn.Dense(self.classes, dtype=self.dtype)(x.mean((1, 2)))
