"""MobileNet: a convolution of each channel by itself, then one across channels."""

from __future__ import annotations

import warnings

from ... import nn
from ...core import Model, SymbolicTensor, explain
from ...core.typing import FilePath
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._named import Named
from ._standard import variant
from ._tops import pooled

REFERENCE = "Howard et al., arXiv:1704.04861"

#: Filters and stride of each block.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1),
)  # fmt: skip
SIZES = (128, 160, 192, 224)
ALPHAS = (0.25, 0.50, 0.75, 1.0)
MORE = """
        alpha: a factor of all widths.
        depth_multiplier: how many outputs each channel has in its own convolution.
        dropout: the rate before the classes."""


def _activated(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    x = layer(nn.BatchNormalization, x, axis=-1, name=f"{name}_bn")
    return layer(nn.ReLU, x, 6.0, name=f"{name}_relu")


def _block(
    layer: Named, x: SymbolicTensor, filters: int, stride: int, depth_multiplier: int, number: int
) -> SymbolicTensor:
    if stride > 1:
        x = layer(nn.ZeroPadding2D, x, ((0, 1), (0, 1)), name=f"conv_pad_{number}")
    x = layer(
        nn.DepthwiseConv2D,
        x,
        (3, 3),
        padding="same" if stride == 1 else "valid",
        depth_multiplier=depth_multiplier,
        strides=(stride, stride),
        use_bias=False,
        name=f"conv_dw_{number}",
    )
    x = _activated(layer, x, f"conv_dw_{number}")
    x = layer(nn.Conv2D, x, filters, (1, 1), padding="same", use_bias=False, name=f"conv_pw_{number}")
    return _activated(layer, x, f"conv_pw_{number}")


def _top(layer: Named, x: SymbolicTensor, given: Arguments, dropout: float) -> SymbolicTensor:
    x = layer(nn.GlobalAveragePooling2D, x, keepdims=True)
    x = layer(nn.Dropout, x, dropout, name="dropout")
    x = layer(nn.Conv2D, x, given.classes, (1, 1), padding="same", name="conv_preds")
    x = layer(nn.Reshape, x, (given.classes,), name="reshape_2")
    return layer(nn.Activation, x, given.top_activation(), name="predictions")


def published_size(shape: tuple[int | None, ...] | None, sizes: tuple[int, ...]) -> int:
    """The size among those with published weights that images of a shape are for; 224 where it is none of them."""
    square = shape is not None and len(shape) == 3 and shape[0] == shape[1] and shape[0] in sizes
    return int(shape[0]) if square else 224  # type: ignore[index, arg-type]


def size_with_weights(shape: tuple[int | None, ...], sizes: tuple[int, ...]) -> int:
    """The size whose published weights a network of this shape is given, with a warning where that is not its own."""
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] not in sizes:
        warnings.warn(
            explain(
                f"Weights of ImageNet were published for images of {', '.join(map(str, sizes))} rows and columns; "
                "the network gets those of 224.",
                received=f"images of {shape}",
                usually="a size that is left open, as it is without the top, or that the network was not trained for.",
                write="input_shape=(224, 224, 3)",
            ),
            stacklevel=4,
        )
    return published_size(shape, sizes)


def check_alpha(alpha: float, alphas: tuple[float, ...]) -> None:
    """Refuse a width that no weights were published for."""
    if alpha not in alphas:
        raise ValueError(
            explain(
                f"Weights of ImageNet were published for alpha {', '.join(map(str, alphas))}.",
                received=f"alpha={alpha}",
                write="alpha=1.0, or weights=None",
            )
        )


def _mobilenet(
    network: str,
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
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
    shape = given.shape(published_size(None if input_shape is None else tuple(input_shape), SIZES), 32)
    rows = shape[0]
    if given.imagenet:
        if depth_multiplier != 1:
            raise ValueError(
                explain(
                    "Weights of ImageNet were published for depth_multiplier=1.",
                    received=f"depth_multiplier={depth_multiplier}",
                    write="depth_multiplier=1, or weights=None",
                )
            )
        check_alpha(alpha, ALPHAS)
        rows = size_with_weights(shape, SIZES)

    def layers(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
        first = int(32 * alpha)
        x = layer(nn.Conv2D, x, first, (3, 3), padding="same", use_bias=False, strides=(2, 2), name="conv1")
        x = _activated(layer, x, "conv1")
        for number, (filters, stride) in enumerate(BLOCKS, 1):
            x = _block(layer, x, int(filters * alpha), stride, depth_multiplier, number)
        return _top(layer, x, given, dropout) if include_top else pooled(layer, x, given)

    known = name or f"mobilenet_{alpha:0.2f}_{rows}"
    return described(network, given, shape, layers, known, alpha=alpha, size=rows)


MobileNet = variant(_mobilenet, "MobileNet", "MobileNet", None, REFERENCE, MORE)
