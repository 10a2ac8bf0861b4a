"""Xception: separable convolutions, with a sum around every few of them."""

from __future__ import annotations

from ... import nn
from ...core import SymbolicTensor
from ._arguments import Arguments
from ._named import Named
from ._standard import Plan, standard, variant
from ._tops import ended

REFERENCE = "Chollet, arXiv:1610.02357"


def _convolved(layer: Named, x: SymbolicTensor, filters: int, strides: tuple[int, int], name: str) -> SymbolicTensor:
    x = layer(nn.Conv2D, x, filters, (3, 3), strides=strides, use_bias=False, name=name)
    x = layer(nn.BatchNormalization, x, axis=-1, name=f"{name}_bn")
    return layer(nn.Activation, x, "relu", name=f"{name}_act")


def _separable(layer: Named, x: SymbolicTensor, filters: int, name: str) -> SymbolicTensor:
    x = layer(nn.SeparableConv2D, x, filters, (3, 3), padding="same", use_bias=False, name=name)
    return layer(nn.BatchNormalization, x, axis=-1, name=f"{name}_bn")


def _relu(layer: Named, x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layer(nn.Activation, x, "relu", name=f"{name}_act")


def _halving(
    layer: Named, x: SymbolicTensor, filters: tuple[int, int], name: str, starts: bool = True
) -> SymbolicTensor:
    """Two separable convolutions and a pooling, and beside them one convolution."""
    beside = layer(nn.Conv2D, x, filters[1], (1, 1), strides=(2, 2), padding="same", use_bias=False)
    beside = layer(nn.BatchNormalization, beside, axis=-1)
    if starts:
        x = _relu(layer, x, f"{name}_sepconv1")
    x = _separable(layer, x, filters[0], f"{name}_sepconv1")
    x = _separable(layer, _relu(layer, x, f"{name}_sepconv2"), filters[1], f"{name}_sepconv2")
    x = layer(nn.MaxPooling2D, x, (3, 3), strides=(2, 2), padding="same", name=f"{name}_pool")
    return layer(nn.Add, [x, beside])


def _body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
    x = _convolved(layer, x, 32, (2, 2), "block1_conv1")
    x = _convolved(layer, x, 64, (1, 1), "block1_conv2")
    x = _halving(layer, x, (128, 128), "block2", starts=False)
    x = _halving(layer, x, (256, 256), "block3")
    x = _halving(layer, x, (728, 728), "block4")
    for block in range(5, 13):
        before = x
        for i in (1, 2, 3):
            name = f"block{block}_sepconv{i}"
            x = _separable(layer, _relu(layer, x, name), 728, name)
        x = layer(nn.Add, [x, before])
    x = _halving(layer, x, (728, 1024), "block13")
    for i, filters in enumerate((1536, 2048), 1):
        name = f"block14_sepconv{i}"
        x = _relu(layer, _separable(layer, x, filters, name), name)
    return ended(layer, x, given)


PLAN = Plan(network="Xception", name="xception", size=299, least=71, body=_body)
Xception = variant(standard, PLAN, "Xception", "xception", REFERENCE)
