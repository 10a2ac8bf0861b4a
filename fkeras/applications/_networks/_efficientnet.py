"""EfficientNet: one network, scaled in width, depth and the size of its images together."""

from __future__ import annotations

import math

import numpy as np

from ... import nn
from ...core import SymbolicTensor
from .._weights._start import adapted_to
from ._arguments import Arguments
from ._efficient import CONVOLUTION, DENSE, added, weighed
from ._inverted import padding_before_stride, rounded
from ._named import Named, channels
from ._standard import Body, Plan, standard, variant
from ._tops import ended

REFERENCE = "Tan and Le, arXiv:1905.11946"

#: Window, repeats, filters in and out, widening, stride.
BLOCKS = (
    (3, 1, 32, 16, 1, 1),
    (3, 2, 16, 24, 6, 2),
    (5, 2, 24, 40, 6, 2),
    (3, 3, 40, 80, 6, 2),
    (5, 3, 80, 112, 6, 1),
    (5, 4, 112, 192, 6, 2),
    (3, 1, 192, 320, 6, 1),
)
#: Factors of width and depth, size of the images, dropout.
SCALES = {
    "B0": (1.0, 1.0, 224, 0.2),
    "B1": (1.0, 1.1, 240, 0.2),
    "B2": (1.1, 1.2, 260, 0.3),
    "B3": (1.2, 1.4, 300, 0.3),
    "B4": (1.4, 1.8, 380, 0.4),
    "B5": (1.6, 2.2, 456, 0.4),
    "B6": (1.8, 2.6, 528, 0.5),
    "B7": (2.0, 3.1, 600, 0.5),
}
DROP_CONNECT = 0.2
ACTIVATION = "swish"
DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's channels


def _activated(layer: Named, x: SymbolicTensor, bn: str, activation: str) -> SymbolicTensor:
    x = layer(nn.BatchNormalization, x, axis=3, name=bn)
    return layer(nn.Activation, x, ACTIVATION, name=activation)


def _convolved(layer: Named, x: SymbolicTensor, filters: int, name: str) -> SymbolicTensor:
    return layer(nn.Conv2D, x, filters, 1, padding="same", use_bias=False, kernel_initializer=CONVOLUTION, name=name)


def _block(
    layer: Named, x: SymbolicTensor, size: int, filters: int, widening: int, stride: int, rate: float, name: str
) -> SymbolicTensor:
    before, narrow = x, channels(x)
    if widening != 1:
        x = _convolved(layer, x, narrow * widening, f"{name}expand_conv")
        x = _activated(layer, x, f"{name}expand_bn", f"{name}expand_activation")
    if stride == 2:
        x = layer(nn.ZeroPadding2D, x, padding=padding_before_stride(x, size), name=f"{name}dwconv_pad")
    x = layer(
        nn.DepthwiseConv2D,
        x,
        size,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        depthwise_initializer=CONVOLUTION,
        name=f"{name}dwconv",
    )
    x = _activated(layer, x, f"{name}bn", f"{name}activation")
    x = weighed(layer, x, max(1, narrow // 4), ACTIVATION, name)
    x = _convolved(layer, x, filters, f"{name}project_conv")
    x = layer(nn.BatchNormalization, x, axis=3, name=f"{name}project_bn")
    return added(layer, x, before, rate, name) if stride == 1 and narrow == filters else x


def _normalised(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
    """A normalisation that has moments as weights: 0 and 1, until a file has others."""
    made = layer.make(nn.Normalization, axis=3)
    if isinstance(made, nn.Normalization) and made.mean is None:
        moments = np.zeros(channels(x)), np.ones(channels(x))
        made = adapted_to(made, *moments)
    normalised: SymbolicTensor = made(x)
    return normalised


def _body(width: float, depth: float, dropout: float) -> Body:
    repeats = [math.ceil(depth * row[1]) for row in BLOCKS]

    def body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
        x = _normalised(layer, layer(nn.Rescaling, x, 1.0 / 255.0))
        if given.imagenet:
            # The normalisation divides by the deviation, and the published weights were trained on images divided by
            # the variance's square root once more: https://github.com/tensorflow/tensorflow/issues/49930
            x = layer(nn.Rescaling, x, [1.0 / math.sqrt(deviation) for deviation in DEVIATIONS])
        x = layer(nn.ZeroPadding2D, x, padding=padding_before_stride(x, 3), name="stem_conv_pad")
        x = layer(
            nn.Conv2D,
            x,
            rounded(32 * width),
            3,
            strides=2,
            padding="valid",
            use_bias=False,
            kernel_initializer=CONVOLUTION,
            name="stem_conv",
        )
        x = _activated(layer, x, "stem_bn", "stem_activation")
        done, total = 0, float(sum(repeats))
        for i, ((size, _, _, filters, widening, stride), count) in enumerate(zip(BLOCKS, repeats, strict=True), 1):
            for j in range(count):
                name, rate = f"block{i}{chr(ord('a') + j)}_", DROP_CONNECT * done / total
                x = _block(layer, x, size, rounded(filters * width), widening, stride if j == 0 else 1, rate, name)
                done += 1
        x = _activated(layer, _convolved(layer, x, rounded(1280 * width), "top_conv"), "top_bn", "top_activation")
        return ended(layer, x, given, named=True, dropout=dropout, kernel_initializer=DENSE)

    return body


def _row(scale: str) -> tuple[Plan, str, str, str]:
    """The arguments of `variant` for one network."""
    width, depth, size, dropout = SCALES[scale]
    network = f"EfficientNet{scale}"
    plan = Plan(network=network, name=network.lower(), size=size, least=32, body=_body(width, depth, dropout))
    return plan, network, network.lower(), REFERENCE


EfficientNetB0 = variant(standard, *_row("B0"))
EfficientNetB1 = variant(standard, *_row("B1"))
EfficientNetB2 = variant(standard, *_row("B2"))
EfficientNetB3 = variant(standard, *_row("B3"))
EfficientNetB4 = variant(standard, *_row("B4"))
EfficientNetB5 = variant(standard, *_row("B5"))
EfficientNetB6 = variant(standard, *_row("B6"))
EfficientNetB7 = variant(standard, *_row("B7"))
