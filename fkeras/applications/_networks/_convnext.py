"""ConvNeXt: a network of convolutions with the proportions of a transformer."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from ... import nn
from ...core import Layer, Model, Sequential, SymbolicTensor, register
from ...core.typing import Array, FilePath, Float
from ...nn import initializers
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._named import Named, channels
from ._standard import variant
from ._tops import pooled

REFERENCE = "Liu et al., arXiv:2201.03545"
MORE = """
        include_preprocessing: whether the network takes pixels from 0 to 255; else what `mean` and `variance` of
            ImageNet make of them."""

MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels
EPSILON = 1e-6
LAYER_SCALE = 1e-6


@register("keras.applications.convnext")  # in files of Keras 2.12 and before
@register("keras.src.applications.convnext")
class LayerScale(Layer):
    """`gamma * x`, with one factor for each channel.

    Args:
        init_values: what the factors begin with.
        projection_dim: how many channels there are.

    Reference: Touvron et al., arXiv:2103.17239.
    """

    # Which argument says where a weight begins.
    start_arguments = ((("params", "gamma"), "init_values"),)

    init_values: float | initializers.Initializer
    projection_dim: int

    def call(self, x: Float[Array, "batch ... channels"]) -> Float[Array, "batch ... channels"]:
        given = self.init_values
        start = given if isinstance(given, initializers.Initializer) else initializers.Constant(given)
        gamma = self.add_weight((self.projection_dim,), start, name="gamma")
        return x * jnp.reshape(gamma, (1,) * (x.ndim - 1) + gamma.shape)


@dataclasses.dataclass(frozen=True)
class Row:
    """A member of the family: its name, how many blocks its four stages have, and of which widths."""

    size: str
    blocks: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]

    @property
    def network(self) -> str:
        """Its public name."""
        return f"ConvNeXt{self.size}"

    @property
    def name(self) -> str:
        """What its models are called."""
        return f"convnext_{self.size.lower()}"


ROWS = (
    Row("Tiny", (3, 3, 9, 3), (96, 192, 384, 768)),
    Row("Small", (3, 3, 27, 3), (96, 192, 384, 768)),
    Row("Base", (3, 3, 27, 3), (128, 256, 512, 1024)),
    Row("Large", (3, 3, 27, 3), (192, 384, 768, 1536)),
    Row("XLarge", (3, 3, 27, 3), (256, 512, 1024, 2048)),
)


def _block(layer: Named, x: SymbolicTensor, width: int, name: str) -> SymbolicTensor:
    before = x
    x = layer(nn.Conv2D, x, width, kernel_size=7, padding="same", groups=width, name=f"{name}_depthwise_conv")
    x = layer(nn.LayerNormalization, x, epsilon=EPSILON, name=f"{name}_layernorm")
    x = layer(nn.Dense, x, 4 * width, name=f"{name}_pointwise_conv_1")
    x = layer(nn.Activation, x, "gelu", name=f"{name}_gelu")
    x = layer(nn.Dense, x, width, name=f"{name}_pointwise_conv_2")
    x = layer(LayerScale, x, LAYER_SCALE, width, name=f"{name}_layer_scale")
    return before + layer(nn.Activation, x, "linear", name=f"{name}_identity")


def _stem(layer: Named, x: SymbolicTensor, width: int, name: str) -> SymbolicTensor:
    """Patches of 4 x 4."""
    inside = (f"{name}_stem",)
    conv = layer.make(nn.Conv2D, width, kernel_size=4, strides=4, name=f"{name}_stem_conv", inside=inside)
    norm = layer.make(nn.LayerNormalization, epsilon=EPSILON, name=f"{name}_stem_layernorm", inside=inside)
    return layer(Sequential, x, [conv, norm], name=inside[0])


def _halving(layer: Named, x: SymbolicTensor, width: int, number: int, name: str) -> SymbolicTensor:
    """Half the image."""
    inside, part = (f"{name}_downsampling_block_{number}",), f"{name}_downsampling"
    norm = layer.make(nn.LayerNormalization, epsilon=EPSILON, name=f"{part}_layernorm_{number}", inside=inside)
    conv = layer.make(nn.Conv2D, width, kernel_size=2, strides=2, name=f"{part}_conv_{number}", inside=inside)
    return layer(Sequential, x, [norm, conv], name=inside[0])


def _stages(layer: Named, x: SymbolicTensor, row: Row, name: str) -> SymbolicTensor:
    for stage, (count, width) in enumerate(zip(row.blocks, row.widths, strict=True)):
        x = _halving(layer, x, width, stage - 1, name) if stage else _stem(layer, x, width, name)
        for block in range(count):
            x = _block(layer, x, width, f"{name}_stage_{stage}_block_{block}")
    return x


def _convnext(
    row: Row,
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: FilePath | None = "imagenet",
    input_tensor: SymbolicTensor | None = None,
    input_shape: ImageShape | None = None,
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
    prefix = name or row.name
    shape = given.shape(224, 32)

    def layers(layer: Named, x: SymbolicTensor) -> SymbolicTensor:
        if include_preprocessing and channels(x) == 3:
            mean, variance = [m * 255 for m in MEANS], [(d * 255) ** 2 for d in DEVIATIONS]
            x = layer(nn.Normalization, x, mean=mean, variance=variance, name=f"{prefix}_prestem_normalization")
        x = _stages(layer, x, row, prefix)
        if not include_top:
            return layer(nn.LayerNormalization, pooled(layer, x, given), epsilon=EPSILON)
        x = layer(nn.GlobalAveragePooling2D, x, name=f"{prefix}_head_gap")
        x = layer(nn.LayerNormalization, x, epsilon=EPSILON, name=f"{prefix}_head_layernorm")
        return layer(nn.Dense, x, classes, activation=given.top_activation(), name=f"{prefix}_head_dense")

    return described(row.network, given, shape, layers, prefix)


ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase, ConvNeXtLarge, ConvNeXtXLarge = (
    variant(_convnext, row, row.network, row.name, REFERENCE, MORE) for row in ROWS
)
