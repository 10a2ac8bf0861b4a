"""DenseNet: each block sees what all blocks before it made."""

from __future__ import annotations

from ... import nn
from ...core import SymbolicTensor
from ._arguments import Arguments
from ._named import Named, channels
from ._standard import Body, Plan, standard, variant
from ._tops import ended

REFERENCE = "Huang et al., arXiv:1608.06993"

EPSILON = 1.001e-5
GROWTH = 32
BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


def _activated(layer: Named, x: SymbolicTensor, bn: str, relu: str) -> SymbolicTensor:
    x = layer(nn.BatchNormalization, x, axis=3, epsilon=EPSILON, name=bn)
    return layer(nn.Activation, x, "relu", name=relu)


def _block(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    """`GROWTH` more channels."""
    new = _activated(layer, x, f"{name}_0_bn", f"{name}_0_relu")
    new = layer(nn.Conv2D, new, 4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")
    new = _activated(layer, new, f"{name}_1_bn", f"{name}_1_relu")
    new = layer(nn.Conv2D, new, GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")
    return layer(nn.Concatenate, [x, new], axis=3, name=f"{name}_concat")


def _transition(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    """Half the channels, and half the image."""
    x = _activated(layer, x, f"{name}_bn", f"{name}_relu")
    x = layer(nn.Conv2D, x, channels(x) // 2, 1, use_bias=False, name=f"{name}_conv")
    return layer(nn.AveragePooling2D, x, 2, strides=2, name=f"{name}_pool")


def _body(counts: tuple[int, ...]) -> Body:
    def body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
        x = layer(nn.ZeroPadding2D, x, padding=((3, 3), (3, 3)))
        x = layer(nn.Conv2D, x, 64, 7, strides=2, use_bias=False, name="conv1_conv")
        x = _activated(layer, x, "conv1_bn", "conv1_relu")
        x = layer(nn.ZeroPadding2D, x, padding=((1, 1), (1, 1)))
        x = layer(nn.MaxPooling2D, x, 3, strides=2, name="pool1")
        for stack, count in enumerate(counts, 2):
            if stack > 2:
                x = _transition(layer, x, f"pool{stack - 1}")
            for block in range(1, count + 1):
                x = _block(layer, x, f"conv{stack}_block{block}")
        return ended(layer, _activated(layer, x, "bn", "relu"), given, named=True)

    return body


def _row(depth: int) -> tuple[Plan, str, str, str]:
    """The arguments of `variant` for one network."""
    name = f"densenet{depth}"
    plan = Plan(network=f"DenseNet{depth}", name=name, size=224, least=32, body=_body(BLOCKS[depth]))
    return plan, f"DenseNet{depth}", name, REFERENCE


DenseNet121 = variant(standard, *_row(121))
DenseNet169 = variant(standard, *_row(169))
DenseNet201 = variant(standard, *_row(201))
