"""What both generations of EfficientNet share: their initializers, and the weighing of channels."""

from __future__ import annotations

from ... import nn
from ...core import SymbolicTensor
from ...nn import initializers
from ._named import Named, channels

CONVOLUTION = initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
DENSE = initializers.VarianceScaling(1.0 / 3.0, "fan_out", "uniform")


def weighed(layer: Named, x: SymbolicTensor, narrow: int, activation: str, name: str) -> SymbolicTensor:
    """Squeeze and excitation: each channel times a number between 0 and 1 (Hu et al., arXiv:1709.01507)."""
    wide = channels(x)
    scale = layer(nn.GlobalAveragePooling2D, x, name=f"{name}se_squeeze")
    scale = layer(nn.Reshape, scale, (1, 1, wide), name=f"{name}se_reshape")
    for filters, function, part in ((narrow, activation, "reduce"), (wide, "sigmoid", "expand")):
        scale = layer(
            nn.Conv2D,
            scale,
            filters,
            1,
            padding="same",
            activation=function,
            kernel_initializer=CONVOLUTION,
            name=f"{name}se_{part}",
        )
    return layer(nn.Multiply, [x, scale], name=f"{name}se_excite")


def added(layer: Named, x: SymbolicTensor, before: SymbolicTensor, rate: float, name: str) -> SymbolicTensor:
    """The sum of a block's output and its input; in training the output of whole images is dropped at `rate`."""
    if rate > 0:
        x = layer(nn.Dropout, x, rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")
    return layer(nn.Add, [x, before], name=f"{name}add")
