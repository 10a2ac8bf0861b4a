"""EfficientNetV2: the first blocks widen and convolve in one, which trains faster."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias

import numpy as np

from ... import nn
from ...core import Model, SymbolicTensor
from ...core.typing import FilePath
from ...nn import initializers
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._efficient import CONVOLUTION, DENSE, added, weighed
from ._inverted import rounded
from ._named import Named, channels
from ._standard import variant
from ._tops import ended

REFERENCE = "Tan and Le, arXiv:2104.00298"
MORE = """
        include_preprocessing: whether the network takes pixels from 0 to 255; else numbers from -1 to 1."""

#: Whether widening and convolution are one, repeats, filters in and out, widening, stride.
Stage: TypeAlias = tuple[bool, int, int, int, int, int]

_B: tuple[Stage, ...] = (
    (True, 1, 32, 16, 1, 1),
    (True, 2, 16, 32, 4, 2),
    (True, 2, 32, 48, 4, 2),
    (False, 3, 48, 96, 4, 2),
    (False, 5, 96, 112, 6, 1),
    (False, 8, 112, 192, 6, 2),
)
_S: tuple[Stage, ...] = (
    (True, 2, 24, 24, 1, 1),
    (True, 4, 24, 48, 4, 2),
    (True, 4, 48, 64, 4, 2),
    (False, 6, 64, 128, 4, 2),
    (False, 9, 128, 160, 6, 1),
    (False, 15, 160, 256, 6, 2),
)
_M: tuple[Stage, ...] = (
    (True, 3, 24, 24, 1, 1),
    (True, 5, 24, 48, 4, 2),
    (True, 5, 48, 80, 4, 2),
    (False, 7, 80, 160, 4, 2),
    (False, 14, 160, 176, 6, 1),
    (False, 18, 176, 304, 6, 2),
    (False, 5, 304, 512, 6, 1),
)
_L: tuple[Stage, ...] = (
    (True, 4, 32, 32, 1, 1),
    (True, 7, 32, 64, 4, 2),
    (True, 7, 64, 96, 4, 2),
    (False, 10, 96, 192, 4, 2),
    (False, 19, 192, 224, 6, 1),
    (False, 25, 224, 384, 6, 2),
    (False, 7, 384, 640, 6, 1),
)
DROPOUT = DROP_CONNECT = 0.2
ACTIVATION = "swish"
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels


@dataclasses.dataclass(frozen=True)
class Row:
    """A member of the family: its name, its stages, factors of width and depth, the size of its images."""

    scale: str
    stages: tuple[Stage, ...]
    width: float
    depth: float
    size: int

    @property
    def network(self) -> str:
        """Its public name."""
        return f"EfficientNetV2{self.scale}"

    @property
    def name(self) -> str:
        """What its models are called."""
        return f"efficientnetv2-{self.scale.lower()}"


ROWS = (
    Row("B0", _B, 1.0, 1.0, 224),
    Row("B1", _B, 1.0, 1.1, 240),
    Row("B2", _B, 1.1, 1.2, 260),
    Row("B3", _B, 1.2, 1.4, 300),
    Row("S", _S, 1.0, 1.0, 384),
    Row("M", _M, 1.0, 1.0, 480),
    Row("L", _L, 1.0, 1.0, 480),
)


def _width(row: Row, filters: int) -> int:
    return rounded(filters * row.width, at_least=0.0)


def _activated(layer: Named, x: SymbolicTensor, bn: str, activation: str) -> SymbolicTensor:
    x = layer(nn.BatchNormalization, x, axis=3, momentum=0.9, name=bn)
    return layer(nn.Activation, x, ACTIVATION, name=activation)


def _convolved(layer: Named, x: SymbolicTensor, filters: int, size: int, stride: int, name: str) -> SymbolicTensor:
    return layer(
        nn.Conv2D,
        x,
        filters,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=CONVOLUTION,
        name=name,
    )


def _widened(layer: Named, x: SymbolicTensor, size: int, stride: int, widening: int, name: str) -> SymbolicTensor:
    if widening == 1:
        return x
    x = _convolved(layer, x, channels(x) * widening, size, stride, f"{name}expand_conv")
    return _activated(layer, x, f"{name}expand_bn", f"{name}expand_activation")


def _block(
    layer: Named, x: SymbolicTensor, filters: int, widening: int, stride: int, rate: float, name: str
) -> SymbolicTensor:
    """Widening, a convolution of each channel by itself, weighing, narrowing."""
    before, narrow = x, channels(x)
    x = _widened(layer, x, 1, 1, widening, name)
    x = layer(
        nn.DepthwiseConv2D,
        x,
        kernel_size=3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=CONVOLUTION,
        name=f"{name}dwconv2",
    )
    x = _activated(layer, x, f"{name}bn", f"{name}activation")
    x = weighed(layer, x, max(1, narrow // 4), ACTIVATION, name)
    x = _convolved(layer, x, filters, 1, 1, f"{name}project_conv")
    x = layer(nn.BatchNormalization, x, axis=3, momentum=0.9, name=f"{name}project_bn")
    return added(layer, x, before, rate, name) if stride == 1 and narrow == filters else x


def _fused_block(
    layer: Named, x: SymbolicTensor, filters: int, widening: int, stride: int, rate: float, name: str
) -> SymbolicTensor:
    """One convolution that widens, and narrowing; a single convolution where nothing is widened."""
    before, narrow = x, channels(x)
    x = _widened(layer, x, 3, stride, widening, name)
    size, own_stride = (3, stride) if widening == 1 else (1, 1)
    x = _convolved(layer, x, filters, size, own_stride, f"{name}project_conv")
    x = layer(nn.BatchNormalization, x, axis=3, momentum=0.9, name=f"{name}project_bn")
    if widening == 1:
        x = layer(nn.Activation, x, ACTIVATION, name=f"{name}project_activation")
    return added(layer, x, before, rate, name) if stride == 1 and narrow == filters else x


def _prepared(layer: Named, x: SymbolicTensor, row: Row) -> SymbolicTensor:
    """Pixels from 0 to 255 in the range that the network was trained on."""
    if not row.scale.startswith("B") or channels(x) != 3:
        return layer(nn.Rescaling, x, scale=1.0 / 128.0, offset=-1)
    x = layer(nn.Rescaling, x, scale=1.0 / 255)
    return layer(nn.Normalization, x, mean=MEANS, variance=tuple(float(np.square(d)) for d in DEVIATIONS), axis=3)


def _stages(layer: Named, x: SymbolicTensor, row: Row) -> SymbolicTensor:
    done, total = 0, float(sum(stage[1] for stage in row.stages))
    for i, (fused, repeats, _, filters, widening, stride) in enumerate(row.stages, 1):
        for j in range(math.ceil(row.depth * repeats)):
            name, rate = f"block{i}{chr(ord('a') + j)}_", DROP_CONNECT * done / total
            block = _fused_block if fused else _block
            x = block(layer, x, _width(row, filters), widening, stride if j == 0 else 1, rate, name)
            done += 1
    return x


def _efficientnet_v2(
    row: Row,
    include_top: bool = True,
    weights: FilePath | None = "imagenet",
    input_tensor: SymbolicTensor | None = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = CLASSES,
    classifier_activation: Activation = "softmax",
    include_preprocessing: bool = True,
    name: str | None = None,
) -> Model:
    given = Arguments(
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
    shape = given.shape(row.size, 32)

    def layers(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
        if include_preprocessing:
            x = _prepared(layer, x, row)
        x = _convolved(layer, x, _width(row, row.stages[0][2]), 3, 2, "stem_conv")
        x = _stages(layer, _activated(layer, x, "stem_bn", "stem_activation"), row)
        x = _convolved(layer, x, _width(row, 1280), 1, 1, "top_conv")
        x = _activated(layer, x, "top_bn", "top_activation")
        zeros = initializers.Constant(0.0)
        return ended(layer, x, given, named=True, dropout=DROPOUT, kernel_initializer=DENSE, bias_initializer=zeros)

    return described(row.network, given, shape, layers, name or row.name)


(
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2S,
    EfficientNetV2M,
    EfficientNetV2L,
) = (variant(_efficientnet_v2, row, row.network, row.name, REFERENCE, MORE) for row in ROWS)
