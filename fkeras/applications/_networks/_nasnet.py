"""NASNet-A: two cells that a search found, stacked; each sees the two cells before it."""

from __future__ import annotations

import dataclasses

from ... import nn
from ...core import Model, SymbolicTensor, explain
from ...core.typing import FilePath
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._inverted import padding_before_stride
from ._named import Named
from ._standard import variant
from ._tops import classified, pooled

REFERENCE = "Zoph et al., arXiv:1707.07012"


@dataclasses.dataclass(frozen=True)
class Row:
    """A member of the family.

    Attributes:
        network: its public name.
        name: what its models are called.
        size: the rows and columns that it was made for.
        filters: of a third of its cells.
        cells: how many follow each other before the image is halved.
        stem: filters of the first convolution.
        skips: whether the cell after a reduction sees the one before it, in place of the reduction's input.
    """

    network: str
    name: str
    size: int
    filters: int
    cells: int
    stem: int
    skips: bool


ROWS = (
    Row("NASNetMobile", "nasnet_mobile", 224, 44, 4, 32, False),
    Row("NASNetLarge", "nasnet_large", 331, 168, 6, 96, True),
)


def _normalised(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layer(nn.BatchNormalization, x, axis=-1, momentum=0.9997, epsilon=1e-3, name=name)


def _narrowed(layer: Named, x: SymbolicTensor, filters: int, name: str) -> SymbolicTensor:
    """A convolution of 1 x 1."""
    return layer(
        nn.Conv2D, x, filters, (1, 1), padding="same", name=name, use_bias=False, kernel_initializer="he_normal"
    )


def _separable(layer: Named, x: SymbolicTensor, filters: int, size: int, name: str, stride: int = 1) -> SymbolicTensor:
    """Two separable convolutions, the first of which may halve the image."""
    x = layer(nn.Activation, x, "relu")
    if stride == 2:
        x = layer(nn.ZeroPadding2D, x, padding=padding_before_stride(x, size), name=f"separable_conv_1_pad_{name}")
    for i, (step, padding) in enumerate(((stride, "same" if stride == 1 else "valid"), (1, "same")), 1):
        if i == 2:
            x = layer(nn.Activation, x, "relu")
        x = layer(
            nn.SeparableConv2D,
            x,
            filters,
            (size, size),
            strides=(step, step),
            padding=padding,
            use_bias=False,
            name=f"separable_conv_{i}_{name}",
        )
        x = _normalised(layer, x, f"separable_conv_{i}_bn_{name}")
    return x


def _fitted(layer: Named, before: SymbolicTensor | None, x: SymbolicTensor, filters: int, name: str) -> SymbolicTensor:
    """The cell before the last one, in the size and the width of the last."""
    if before is None:
        return x
    if before.shape[-2] != x.shape[-2]:
        before = layer(nn.Activation, before, "relu", name=f"adjust_relu_1_{name}")
        parts = []
        for i in (1, 2):  # every other pixel, and those between
            part = before
            if i == 2:
                part = layer(nn.ZeroPadding2D, part, padding=((0, 1), (0, 1)))
                part = layer(nn.Cropping2D, part, cropping=((1, 0), (1, 0)))
            part = layer(
                nn.AveragePooling2D, part, (1, 1), strides=(2, 2), padding="valid", name=f"adjust_avg_pool_{i}_{name}"
            )
            parts.append(_narrowed(layer, part, filters // 2, f"adjust_conv_{i}_{name}"))
        return _normalised(layer, layer(nn.Concatenate, parts, axis=-1), f"adjust_bn_{name}")
    if before.shape[-1] != filters:
        before = layer(nn.Activation, before, "relu")
        return _normalised(
            layer, _narrowed(layer, before, filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}"
        )
    return before


def _normal(
    layer: Named, x: SymbolicTensor, before: SymbolicTensor | None, filters: int, number: int
) -> SymbolicTensor:
    """The cell that keeps the size."""

    def name(part: str) -> str:
        return f"normal_{part}_{number}"

    def separable(of: SymbolicTensor, size: int, part: str) -> SymbolicTensor:
        return _separable(layer, of, filters, size, name(part))

    def mean(of: SymbolicTensor, part: str) -> SymbolicTensor:
        return layer(nn.AveragePooling2D, of, (3, 3), strides=(1, 1), padding="same", name=name(part))

    def summed(first: SymbolicTensor, second: SymbolicTensor, i: int) -> SymbolicTensor:
        return layer(nn.Add, [first, second], name=name(f"add_{i}"))

    p = _fitted(layer, before, x, filters, str(number))
    h = _narrowed(layer, layer(nn.Activation, x, "relu"), filters, name("conv_1"))
    h = _normalised(layer, h, name("bn_1"))
    parts = [p]
    parts.append(summed(separable(h, 5, "left1"), separable(p, 3, "right1"), 1))
    parts.append(summed(separable(p, 5, "left2"), separable(p, 3, "right2"), 2))
    parts.append(summed(mean(h, "left3"), p, 3))
    parts.append(summed(mean(p, "left4"), mean(p, "right4"), 4))
    parts.append(summed(separable(h, 3, "left5"), h, 5))
    return layer(nn.Concatenate, parts, axis=-1, name=name("concat"))


def _reduction(
    layer: Named, x: SymbolicTensor, before: SymbolicTensor | None, filters: int, number: str
) -> SymbolicTensor:
    """The cell that halves the image."""

    def name(part: str) -> str:
        return f"reduction_{part}_{number}"

    def separable(of: SymbolicTensor, size: int, part: str, stride: int = 2) -> SymbolicTensor:
        return _separable(layer, of, filters, size, name(part), stride)

    def summed(first: SymbolicTensor, second: SymbolicTensor, part: str) -> SymbolicTensor:
        return layer(nn.Add, [first, second], name=name(part))

    p = _fitted(layer, before, x, filters, number)
    h = _narrowed(layer, layer(nn.Activation, x, "relu"), filters, name("conv_1"))
    h = _normalised(layer, h, name("bn_1"))
    padded = layer(nn.ZeroPadding2D, h, padding=padding_before_stride(h, 3), name=name("pad_1"))

    def of_padded(kind: type[nn.MaxPooling2D] | type[nn.AveragePooling2D], part: str) -> SymbolicTensor:
        return layer(kind, padded, (3, 3), strides=(2, 2), padding="valid", name=name(part))

    first = summed(separable(h, 5, "left1"), separable(p, 7, "right1"), "add_1")
    second = of_padded(nn.MaxPooling2D, "left2")
    second = summed(second, separable(p, 7, "right2"), "add_2")
    third = of_padded(nn.AveragePooling2D, "left3")
    third = summed(third, separable(p, 5, "right3"), "add3")
    fourth = layer(nn.AveragePooling2D, first, (3, 3), strides=(1, 1), padding="same", name=name("left4"))
    fourth = layer(nn.Add, [second, fourth])
    fifth = separable(first, 3, "left4", stride=1)
    fifth = summed(fifth, of_padded(nn.MaxPooling2D, "right5"), "add4")
    return layer(nn.Concatenate, [second, third, fourth, fifth], axis=-1, name=name("concat"))


def _cells(layer: Named, x: SymbolicTensor, row: Row) -> SymbolicTensor:
    """Two reductions, and three rows of normal cells with a reduction between them."""
    before: SymbolicTensor | None = None
    for stem, part in (("stem_1", 4), ("stem_2", 2)):
        x, before = _reduction(layer, x, before, row.filters // part, stem), x
    for i in range(3):
        filters, first = row.filters * 2**i, i * row.cells + (i > 0)
        if i:
            reduced = _reduction(layer, x, before, filters, f"reduce_{i * row.cells}")
            x, before = reduced, before if row.skips else x
        for number in range(first, first + row.cells):
            x, before = _normal(layer, x, before, filters, number), x
    return layer(nn.Activation, x, "relu")


def _nasnet(
    row: Row,
    input_shape: ImageShape | None = None,
    include_top: bool = True,
    weights: FilePath | None = "imagenet",
    input_tensor: SymbolicTensor | None = None,
    pooling: str | None = None,
    classes: int = CLASSES,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> Model:
    if input_shape is None and input_tensor is None and not include_top:
        input_shape = (row.size, row.size, 3)
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
    if None in tuple(given.start(shape).shape)[1:3]:
        raise ValueError(
            explain(
                "NASNet needs to know the size of its images: its cells fit each other's sizes.",
                received=f"a shape of {shape}",
                write=f"input_shape=({row.size}, {row.size}, 3)",
            )
        )

    def layers(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
        x = layer(
            nn.Conv2D,
            x,
            row.stem,
            (3, 3),
            strides=(2, 2),
            padding="valid",
            use_bias=False,
            name="stem_conv1",
            kernel_initializer="he_normal",
        )
        x = _cells(layer, _normalised(layer, x, "stem_bn1"), row)
        return classified(layer, x, given, pool=None) if include_top else pooled(layer, x, given)

    return described(row.network, given, shape, layers, name or row.name)


NASNetMobile, NASNetLarge = (variant(_nasnet, row, row.network, row.name, REFERENCE) for row in ROWS)
