"""InceptionResNetV2: inception blocks that add to what they are given."""

from __future__ import annotations

from typing import TypeAlias

from ... import nn
from ...core import Layer, SymbolicTensor, register
from ...core.typing import Array, Float
from ._arguments import Arguments
from ._named import Named, channels
from ._standard import Plan, standard, variant
from ._tops import ended

REFERENCE = "Szegedy et al., arXiv:1602.07261"

#: A convolution: filters, and the size of its window.
Step: TypeAlias = tuple[int, int | tuple[int, int]]
Branch: TypeAlias = tuple[Step, ...]

# Each kind of block: its branches.
BLOCKS: dict[str, tuple[Branch, ...]] = {
    "block35": (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    "block17": (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    "block8": (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
}


@register("keras.applications.inception_resnet_v2")  # in files of Keras 2.12 and before
@register("keras.src.applications.inception_resnet_v2")
class CustomScaleLayer(Layer):
    """`first + scale * second`.

    Args:
        scale: the factor.

    Reference: Szegedy et al., arXiv:1602.07261, section 3.3.
    """

    scale: float

    def call(self, inputs: list[Float[Array, "batch ..."]]) -> Float[Array, "batch ..."]:
        return inputs[0] + inputs[1] * self.scale


def _convolved(
    layer: Named,
    x: SymbolicTensor,
    step: Step,
    strides: int = 1,
    padding: str = "same",
    name: str | None = None,
) -> SymbolicTensor:
    x = layer(nn.Conv2D, x, *step, strides=strides, padding=padding, use_bias=False, name=name)
    x = layer(nn.BatchNormalization, x, axis=3, scale=False, name=name and f"{name}_bn")
    return layer(nn.Activation, x, "relu", name=name and f"{name}_ac")


def _branch(layer: Named, x: SymbolicTensor, steps: Branch, halves: bool = False) -> SymbolicTensor:
    """Convolutions one after the other; of one that halves the image the last has a stride."""
    for i, step in enumerate(steps):
        last = halves and i == len(steps) - 1
        x = _convolved(layer, x, step, 2 if last else 1, "valid" if last else "same")
    return x


def _halved(layer: Named, x: SymbolicTensor, branches: tuple[Branch, ...], name: str) -> SymbolicTensor:
    """Branches side by side that halve the image, and the largest of every few features."""
    parts = [_branch(layer, x, steps, halves=True) for steps in branches]
    pool = layer(nn.MaxPooling2D, x, 3, strides=2, padding="valid")
    return layer(nn.Concatenate, [*parts, pool], axis=3, name=name)


def _block(
    layer: Named, x: SymbolicTensor, kind: str, number: int, scale: float, activation: str | None = "relu"
) -> SymbolicTensor:
    """The branches of a kind of block, added to the block's input."""
    name = f"{kind}_{number}"
    parts = [_branch(layer, x, steps) for steps in BLOCKS[kind]]
    mixed = layer(nn.Concatenate, parts, axis=3, name=f"{name}_mixed")
    up = layer(nn.Conv2D, mixed, channels(x), 1, padding="same", use_bias=True, name=f"{name}_conv")
    x = layer(CustomScaleLayer, [x, up], scale)
    return x if activation is None else layer(nn.Activation, x, activation, name=f"{name}_ac")


def _body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
    x = _convolved(layer, x, (32, 3), 2, "valid")
    x = _convolved(layer, x, (32, 3), 1, "valid")
    x = _convolved(layer, x, (64, 3))
    x = layer(nn.MaxPooling2D, x, 3, strides=2)
    x = _convolved(layer, x, (80, 1), 1, "valid")
    x = _convolved(layer, x, (192, 3), 1, "valid")
    x = layer(nn.MaxPooling2D, x, 3, strides=2)
    parts = [_branch(layer, x, steps) for steps in (((96, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3)))]
    pool = layer(nn.AveragePooling2D, x, 3, strides=1, padding="same")
    x = layer(nn.Concatenate, [*parts, _convolved(layer, pool, (64, 1))], axis=3, name="mixed_5b")
    for number in range(1, 11):
        x = _block(layer, x, "block35", number, 0.17)
    x = _halved(layer, x, (((384, 3),), ((256, 1), (256, 3), (384, 3))), "mixed_6a")
    for number in range(1, 21):
        x = _block(layer, x, "block17", number, 0.1)
    x = _halved(layer, x, (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3))), "mixed_7a")
    for number in range(1, 10):
        x = _block(layer, x, "block8", number, 0.2)
    x = _block(layer, x, "block8", 10, 1.0, activation=None)
    return ended(layer, _convolved(layer, x, (1536, 1), name="conv_7b"), given)


InceptionResNetV2 = variant(
    standard,
    Plan(network="InceptionResNetV2", name="inception_resnet_v2", size=299, least=75, body=_body),
    "InceptionResNetV2",
    "inception_resnet_v2",
    REFERENCE,
)
