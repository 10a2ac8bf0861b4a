"""MobileNetV2: blocks that are narrow at both ends and wide between."""

from __future__ import annotations

from ... import nn
from ...core import Model, SymbolicTensor
from ...core.typing import FilePath
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._inverted import padding_before_stride, rounded
from ._mobilenet import check_alpha, published_size, size_with_weights
from ._named import Named, channels
from ._standard import variant
from ._tops import classified, pooled

REFERENCE = "Sandler et al., arXiv:1801.04381"

#: Filters and strides of the blocks; each is six times as wide inside, the first as it is.
BLOCKS = (
    (16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (96, 1), (96, 1), (96, 1),
    (160, 2), (160, 1), (160, 1), (320, 1),
)  # fmt: skip
SIZES = (96, 128, 160, 192, 224)
ALPHAS = (0.35, 0.50, 0.75, 1.0, 1.3, 1.4)
MORE = """
        alpha: a factor of all widths."""


def _normalised(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layer(nn.BatchNormalization, x, axis=-1, epsilon=1e-3, momentum=0.999, name=name)


def _block(layer: Named, x: SymbolicTensor, filters: int, stride: int, number: int) -> SymbolicTensor:
    name = f"block_{number}_" if number else "expanded_conv_"
    before, narrow = x, channels(x)
    if number:
        x = layer(nn.Conv2D, x, 6 * narrow, kernel_size=1, padding="same", use_bias=False, name=f"{name}expand")
        x = layer(nn.ReLU, _normalised(layer, x, f"{name}expand_BN"), 6.0, name=f"{name}expand_relu")
    if stride == 2:
        x = layer(nn.ZeroPadding2D, x, padding=padding_before_stride(x, 3), name=f"{name}pad")
    padding = "same" if stride == 1 else "valid"
    x = layer(
        nn.DepthwiseConv2D, x, kernel_size=3, strides=stride, use_bias=False, padding=padding, name=f"{name}depthwise"
    )
    x = layer(nn.ReLU, _normalised(layer, x, f"{name}depthwise_BN"), 6.0, name=f"{name}depthwise_relu")
    x = layer(nn.Conv2D, x, filters, kernel_size=1, padding="same", use_bias=False, name=f"{name}project")
    x = _normalised(layer, x, f"{name}project_BN")
    return layer(nn.Add, [before, x], name=f"{name}add") if narrow == filters and stride == 1 else x


def _shape_of(tensor: SymbolicTensor | None) -> tuple[int | None, ...] | None:
    return tuple(tensor.shape[1:]) if isinstance(tensor, SymbolicTensor) else None


def _mobilenet_v2(
    network: str,
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: FilePath | None = "imagenet",
    input_tensor: SymbolicTensor | None = None,
    pooling: str | None = None,
    classes: int = CLASSES,
    classifier_activation: Activation = "softmax",
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
    given.check_input_tensor()
    shape = given.shape(published_size(tuple(input_shape) if input_shape else _shape_of(input_tensor), SIZES), 32)
    rows = shape[0]
    if given.imagenet:
        check_alpha(alpha, ALPHAS)
        rows = size_with_weights(shape, SIZES)

    def layers(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
        first = rounded(32 * alpha)
        x = layer(nn.Conv2D, x, first, kernel_size=3, strides=(2, 2), padding="same", use_bias=False, name="Conv1")
        x = layer(nn.ReLU, _normalised(layer, x, "bn_Conv1"), 6.0, name="Conv1_relu")
        for number, (filters, stride) in enumerate(BLOCKS):
            x = _block(layer, x, rounded(int(filters * alpha)), stride, number)
        last = rounded(1280 * alpha) if alpha > 1.0 else 1280
        x = layer(nn.Conv2D, x, last, kernel_size=1, use_bias=False, name="Conv_1")
        x = layer(nn.ReLU, _normalised(layer, x, "Conv_1_bn"), 6.0, name="out_relu")
        return classified(layer, x, given, pool=None) if include_top else pooled(layer, x, given)

    known = name or f"mobilenetv2_{alpha:0.2f}_{rows}"
    return described(network, given, shape, layers, known, alpha=alpha, size=rows)


MobileNetV2 = variant(_mobilenet_v2, "MobileNetV2", "MobileNetV2", None, REFERENCE, MORE)
