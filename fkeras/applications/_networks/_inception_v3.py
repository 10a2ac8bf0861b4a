"""InceptionV3: several convolutions side by side, of several sizes."""

from __future__ import annotations

from typing import TypeAlias

from ... import nn
from ...core import SymbolicTensor
from ._arguments import Arguments
from ._named import Named
from ._standard import Plan, standard, variant
from ._tops import ended

REFERENCE = "Szegedy et al., arXiv:1512.00567"

#: A convolution: filters, rows and columns of its window.
Step: TypeAlias = tuple[int, int, int]
#: Convolutions one after the other.
Branch: TypeAlias = tuple[Step, ...]


def _convolved(layer: Named, x: SymbolicTensor, step: Step, strides: int = 1, padding: str = "same") -> SymbolicTensor:
    filters, rows, columns = step
    x = layer(nn.Conv2D, x, filters, (rows, columns), strides=(strides, strides), padding=padding, use_bias=False)
    x = layer(nn.BatchNormalization, x, axis=3, scale=False)
    return layer(nn.Activation, x, "relu")


def _branch(layer: Named, x: SymbolicTensor, steps: Branch, halves: bool = False) -> SymbolicTensor:
    """Convolutions one after the other; of one that halves the image the last has a stride."""
    for i, step in enumerate(steps):
        last = halves and i == len(steps) - 1
        x = _convolved(layer, x, step, 2 if last else 1, "valid" if last else "same")
    return x


def _mixed(layer: Named, x: SymbolicTensor, branches: tuple[Branch, ...], of_pool: int, name: str) -> SymbolicTensor:
    """Branches side by side, the last of which averages first."""
    parts = [_branch(layer, x, steps) for steps in branches]
    pool = layer(nn.AveragePooling2D, x, (3, 3), strides=(1, 1), padding="same")
    return layer(nn.Concatenate, [*parts, _convolved(layer, pool, (of_pool, 1, 1))], axis=3, name=name)


def _halved(layer: Named, x: SymbolicTensor, branches: tuple[Branch, ...], name: str) -> SymbolicTensor:
    """Branches side by side that halve the image, and the largest of every few features."""
    parts = [_branch(layer, x, steps, halves=True) for steps in branches]
    return layer(nn.Concatenate, [*parts, layer(nn.MaxPooling2D, x, (3, 3), strides=(2, 2))], axis=3, name=name)


def _small(of_pool: int) -> tuple[tuple[Branch, ...], int]:
    """The blocks of 35 x 35."""
    return (((64, 1, 1),), ((48, 1, 1), (64, 5, 5)), ((64, 1, 1), (96, 3, 3), (96, 3, 3))), of_pool


def _long(n: int) -> tuple[tuple[Branch, ...], int]:
    """The blocks of 17 x 17, whose windows are a row or a column of seven."""
    return (
        ((192, 1, 1),),
        ((n, 1, 1), (n, 1, 7), (192, 7, 1)),
        ((n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)),
    ), 192


def _wide(layer: Named, x: SymbolicTensor, i: int) -> SymbolicTensor:
    """The blocks of 8 x 8, whose branches part once more."""
    first = _branch(layer, x, ((320, 1, 1),))
    second = _branch(layer, x, ((384, 1, 1),))
    parts = [_convolved(layer, second, (384, 1, 3)), _convolved(layer, second, (384, 3, 1))]
    second = layer(nn.Concatenate, parts, axis=3, name=f"mixed9_{i}")
    third = _branch(layer, x, ((448, 1, 1), (384, 3, 3)))
    parts = [_convolved(layer, third, (384, 1, 3)), _convolved(layer, third, (384, 3, 1))]
    third = layer(nn.Concatenate, parts, axis=3)
    pool = layer(nn.AveragePooling2D, x, (3, 3), strides=(1, 1), padding="same")
    parts = [first, second, third, _convolved(layer, pool, (192, 1, 1))]
    return layer(nn.Concatenate, parts, axis=3, name=f"mixed{9 + i}")


def _body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
    x = _convolved(layer, x, (32, 3, 3), 2, "valid")
    x = _convolved(layer, x, (32, 3, 3), 1, "valid")
    x = _convolved(layer, x, (64, 3, 3))
    x = layer(nn.MaxPooling2D, x, (3, 3), strides=(2, 2))
    x = _convolved(layer, x, (80, 1, 1), 1, "valid")
    x = _convolved(layer, x, (192, 3, 3), 1, "valid")
    x = layer(nn.MaxPooling2D, x, (3, 3), strides=(2, 2))
    for i, of_pool in enumerate((32, 64, 64)):
        x = _mixed(layer, x, *_small(of_pool), f"mixed{i}")
    x = _halved(layer, x, (((384, 3, 3),), ((64, 1, 1), (96, 3, 3), (96, 3, 3))), "mixed3")
    for i, n in enumerate((128, 160, 160, 192), 4):
        x = _mixed(layer, x, *_long(n), f"mixed{i}")
    x = _halved(layer, x, (((192, 1, 1), (320, 3, 3)), ((192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3))), "mixed8")
    for i in range(2):
        x = _wide(layer, x, i)
    return ended(layer, x, given)


InceptionV3 = variant(
    standard,
    Plan(network="InceptionV3", name="inception_v3", size=299, least=75, body=_body),
    "InceptionV3",
    "inception_v3",
    REFERENCE,
)
