"""MobileNetV3: the blocks of MobileNetV2, some of which weigh their channels by what the whole image holds."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

from ... import nn
from ...core import Model, SymbolicTensor, explain
from ...core.typing import FilePath
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._inverted import padding_before_stride, rounded
from ._mobilenet import check_alpha, size_with_weights
from ._named import Named, channels
from ._standard import variant
from ._tops import pooled

REFERENCE = "Howard et al., arXiv:1905.02244"
MORE = """
        alpha: a factor of all widths.
        minimalistic: whether to do without what is slow on some devices: windows of five, the weighing of channels,
            and hard swish.
        dropout_rate: the rate before the classes.
        include_preprocessing: whether the network takes pixels from 0 to 255; else numbers from -1 to 1."""

#: Widening, filters, window, stride, whether the channels are weighed, whether the activation is hard swish. A window
#: of 5 is one of 3 in a minimalistic network.
Block: TypeAlias = tuple[float, int, int, int, bool, bool]

SMALL: tuple[Block, ...] = (
    (1, 16, 3, 2, True, False),
    (72.0 / 16, 24, 3, 2, False, False),
    (88.0 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True),
    (6, 40, 5, 1, True, True),
    (6, 40, 5, 1, True, True),
    (3, 48, 5, 1, True, True),
    (3, 48, 5, 1, True, True),
    (6, 96, 5, 2, True, True),
    (6, 96, 5, 1, True, True),
    (6, 96, 5, 1, True, True),
)
LARGE: tuple[Block, ...] = (
    (1, 16, 3, 1, False, False),
    (4, 24, 3, 2, False, False),
    (3, 24, 3, 1, False, False),
    (3, 40, 5, 2, True, False),
    (3, 40, 5, 1, True, False),
    (3, 40, 5, 1, True, False),
    (6, 80, 3, 2, False, True),
    (2.5, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True),
    (6, 112, 3, 1, True, True),
    (6, 112, 3, 1, True, True),
    (6, 160, 5, 2, True, True),
    (6, 160, 5, 1, True, True),
    (6, 160, 5, 1, True, True),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A member of the family: its name, its blocks, and the width of its last features."""

    network: str
    blocks: tuple[Block, ...]
    last: int


def _activated(layer: Named, x: SymbolicTensor, swish: bool) -> SymbolicTensor:
    return layer(nn.Activation, x, "hard_swish") if swish else layer(nn.ReLU, x)


def _normalised(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layer(nn.BatchNormalization, x, axis=-1, epsilon=1e-3, momentum=0.999, name=name)


def _weighed(layer: Named, x: SymbolicTensor, filters: int, name: str) -> SymbolicTensor:
    """Squeeze and excitation: each channel times a number between 0 and 1 (Hu et al., arXiv:1709.01507)."""
    name = f"{name}squeeze_excite"
    of_image = layer(nn.GlobalAveragePooling2D, x, keepdims=True, name=f"{name}_avg_pool")
    scale = layer(nn.Conv2D, of_image, rounded(filters * 0.25), kernel_size=1, padding="same", name=f"{name}_conv")
    scale = layer(nn.ReLU, scale, name=f"{name}_relu")
    scale = layer(nn.Conv2D, scale, filters, kernel_size=1, padding="same", name=f"{name}_conv_1")
    scale = layer(nn.ReLU, scale + 3.0, 6.0) * (1.0 / 6.0)
    return layer(nn.Multiply, [x, scale], name=f"{name}_mul")


def _block(
    layer: Named, x: SymbolicTensor, block: Block, filters: int, number: int, minimalistic: bool
) -> SymbolicTensor:
    widening, _, size, stride, weighs, swish = block
    size, weighs, swish = (3, False, False) if minimalistic else (size, weighs, swish)
    name = f"expanded_conv_{number}_" if number else "expanded_conv_"
    before, narrow = x, channels(x)
    wide = rounded(narrow * widening)
    if number:
        x = layer(nn.Conv2D, x, wide, kernel_size=1, padding="same", use_bias=False, name=f"{name}expand")
        x = _activated(layer, _normalised(layer, x, f"{name}expand_bn"), swish)
    if stride == 2:
        x = layer(nn.ZeroPadding2D, x, padding=padding_before_stride(x, size), name=f"{name}depthwise_pad")
    padding = "same" if stride == 1 else "valid"
    x = layer(nn.DepthwiseConv2D, x, size, strides=stride, padding=padding, use_bias=False, name=f"{name}depthwise")
    x = _activated(layer, _normalised(layer, x, f"{name}depthwise_bn"), swish)
    if weighs:
        x = _weighed(layer, x, wide, name)
    x = layer(nn.Conv2D, x, filters, kernel_size=1, padding="same", use_bias=False, name=f"{name}project")
    x = _normalised(layer, x, f"{name}project_bn")
    return layer(nn.Add, [before, x], name=f"{name}add") if stride == 1 and narrow == filters else x


def _top(layer: Named, x: SymbolicTensor, given: Arguments, last: int, swish: bool, dropout: float) -> SymbolicTensor:
    x = layer(nn.GlobalAveragePooling2D, x, keepdims=True)
    x = layer(nn.Conv2D, x, last, kernel_size=1, padding="same", use_bias=True, name="conv_2")
    x = _activated(layer, x, swish)
    if dropout > 0:
        x = layer(nn.Dropout, x, dropout)
    x = layer(nn.Conv2D, x, given.classes, kernel_size=1, padding="same", name="logits")
    x = layer(nn.Flatten, x)
    return layer(nn.Activation, x, given.top_activation(), name="predictions")


def _shape(given: Arguments) -> tuple[int | None, ...]:
    """The shape of one image, which may be any even with the top.

    Raises:
        ValueError: an image of fewer than 32 rows or columns.
    """
    given.check_input_tensor()
    if given.input_shape is not None:
        shape = tuple(given.input_shape)
    else:
        shape = (None, None, 3) if given.input_tensor is None else tuple(given.start((None, None, 3)).shape[1:])
    if any(size is not None and size < 32 for size in shape[:2]):
        raise ValueError(
            explain(
                "This network takes images of at least 32 x 32.",
                received=f"input_shape={shape}",
                usually="smaller ones are gone before the last layers; or the channels stand first.",
                write="input_shape=(224, 224, 3)",
            )
        )
    return shape


def _mobilenet_v3(
    row: Row,
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: FilePath | None = "imagenet",
    input_tensor: SymbolicTensor | None = None,
    classes: int = CLASSES,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
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
    shape = _shape(given)
    if given.imagenet:
        check_alpha(alpha, (1.0,) if minimalistic else (0.75, 1.0))
        size_with_weights(shape, (224,))

    def layers(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
        if include_preprocessing:
            x = layer(nn.Rescaling, x, scale=1.0 / 127.5, offset=-1.0)
        x = layer(nn.Conv2D, x, 16, kernel_size=3, strides=(2, 2), padding="same", use_bias=False, name="conv")
        x = _activated(layer, _normalised(layer, x, "conv_bn"), not minimalistic)
        for number, block in enumerate(row.blocks):
            x = _block(layer, x, block, rounded(block[1] * alpha), number, minimalistic)
        wide = rounded(channels(x) * 6)
        x = layer(nn.Conv2D, x, wide, kernel_size=1, padding="same", use_bias=False, name="conv_1")
        x = _activated(layer, _normalised(layer, x, "conv_1_bn"), not minimalistic)
        if not include_top:
            return pooled(layer, x, given, named=True)
        last = rounded(row.last * alpha) if alpha > 1.0 else row.last
        return _top(layer, x, given, last, not minimalistic, dropout_rate)

    return described(row.network, given, shape, layers, name or row.network, alpha=alpha, minimalistic=minimalistic)


MobileNetV3Small = variant(
    _mobilenet_v3, Row("MobileNetV3Small", SMALL, 1024), "MobileNetV3Small", "MobileNetV3Small", REFERENCE, MORE
)
MobileNetV3Large = variant(
    _mobilenet_v3, Row("MobileNetV3Large", LARGE, 1280), "MobileNetV3Large", "MobileNetV3Large", REFERENCE, MORE
)
