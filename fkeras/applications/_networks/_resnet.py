"""ResNet and ResNetV2: blocks that add to what they are given."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...core import SymbolicTensor
from ._arguments import Arguments
from ._named import Named
from ._standard import Body, Plan, standard, variant
from ._tops import ended

REFERENCE = "He et al., arXiv:1512.03385"
REFERENCE_V2 = "He et al., arXiv:1603.05027 (identity mappings)"

EPSILON = 1.001e-5
FILTERS = (64, 128, 256, 512)
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def _normalised(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layer(nn.BatchNormalization, x, axis=3, epsilon=EPSILON, name=f"{name}_bn")


def _activated(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layer(nn.Activation, _normalised(layer, x, name), "relu", name=f"{name}_relu")


def _block(layer: Named, x: SymbolicTensor, filters: int, stride: int, widens: bool, name: str) -> SymbolicTensor:
    """A bottleneck of ResNet: a sum, then the activation."""
    shortcut = x
    if widens:
        shortcut = layer(nn.Conv2D, x, 4 * filters, 1, strides=stride, name=f"{name}_0_conv")
        shortcut = _normalised(layer, shortcut, f"{name}_0")
    x = layer(nn.Conv2D, x, filters, 1, strides=stride, name=f"{name}_1_conv")
    x = _activated(layer, x, f"{name}_1")
    x = layer(nn.Conv2D, x, filters, 3, padding="same", name=f"{name}_2_conv")
    x = _activated(layer, x, f"{name}_2")
    x = _normalised(layer, layer(nn.Conv2D, x, 4 * filters, 1, name=f"{name}_3_conv"), f"{name}_3")
    return layer(nn.Activation, layer(nn.Add, [shortcut, x], name=f"{name}_add"), "relu", name=f"{name}_out")


def _block_v2(layer: Named, x: SymbolicTensor, filters: int, stride: int, widens: bool, name: str) -> SymbolicTensor:
    """A bottleneck of ResNetV2: the activation comes first, and the sum is passed on as it is."""
    before = _activated(layer, x, f"{name}_preact")
    shortcut = x
    if widens:
        shortcut = layer(nn.Conv2D, before, 4 * filters, 1, strides=stride, name=f"{name}_0_conv")
    elif stride > 1:
        shortcut = layer(nn.MaxPooling2D, x, 1, strides=stride)
    x = layer(nn.Conv2D, before, filters, 1, strides=1, use_bias=False, name=f"{name}_1_conv")
    x = _activated(layer, x, f"{name}_1")
    x = layer(nn.ZeroPadding2D, x, padding=((1, 1), (1, 1)), name=f"{name}_2_pad")
    x = layer(nn.Conv2D, x, filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")
    x = _activated(layer, x, f"{name}_2")
    x = layer(nn.Conv2D, x, 4 * filters, 1, name=f"{name}_3_conv")
    return layer(nn.Add, [shortcut, x], name=f"{name}_out")


def _stacks(layer: Named, x: SymbolicTensor, counts: tuple[int, ...]) -> SymbolicTensor:
    """Four stacks of blocks; the first block of each but the first halves the image."""
    for stack, (count, filters) in enumerate(zip(counts, FILTERS, strict=True), 2):
        for block in range(1, count + 1):
            stride = 2 if block == 1 and stack > 2 else 1
            x = _block(layer, x, filters, stride, block == 1, f"conv{stack}_block{block}")
    return x


def _stacks_v2(layer: Named, x: SymbolicTensor, counts: tuple[int, ...]) -> SymbolicTensor:
    """Four stacks of blocks; the last block of each but the last halves the image."""
    for stack, (count, filters) in enumerate(zip(counts, FILTERS, strict=True), 2):
        for block in range(1, count + 1):
            stride = 2 if block == count and stack < 5 else 1
            x = _block_v2(layer, x, filters, stride, block == 1, f"conv{stack}_block{block}")
    return x


def _body(counts: tuple[int, ...], second: bool) -> Body:
    def body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
        x = layer(nn.ZeroPadding2D, x, padding=((3, 3), (3, 3)), name="conv1_pad")
        x = layer(nn.Conv2D, x, 64, 7, strides=2, use_bias=True, name="conv1_conv")
        if not second:
            x = _activated(layer, x, "conv1")
        x = layer(nn.ZeroPadding2D, x, padding=((1, 1), (1, 1)), name="pool1_pad")
        x = layer(nn.MaxPooling2D, x, 3, strides=2, name="pool1_pool")
        x = _activated(layer, _stacks_v2(layer, x, counts), "post") if second else _stacks(layer, x, counts)
        return ended(layer, x, given, named=True)

    return body


def _row(depth: int, second: bool = False) -> tuple[Any, ...]:
    """The arguments of `variant` for one network."""
    network = f"ResNet{depth}{'V2' if second else ''}"
    plan = Plan(network=network, name=network.lower(), size=224, least=32, body=_body(BLOCKS[depth], second))
    return plan, network, network.lower(), REFERENCE_V2 if second else REFERENCE


ResNet50 = variant(standard, *_row(50))
ResNet101 = variant(standard, *_row(101))
ResNet152 = variant(standard, *_row(152))
ResNet50V2 = variant(standard, *_row(50, second=True))
ResNet101V2 = variant(standard, *_row(101, second=True))
ResNet152V2 = variant(standard, *_row(152, second=True))
