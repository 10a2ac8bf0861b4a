"""VGG: convolutions of 3 x 3 in five blocks, each half as large as the one before."""

from __future__ import annotations

from ... import nn
from ...core import SymbolicTensor
from ._arguments import Arguments
from ._named import Named
from ._standard import Body, Plan, standard, variant
from ._tops import pooled

REFERENCE = "Simonyan and Zisserman, arXiv:1409.1556"
FILTERS = (64, 128, 256, 512, 512)


def _body(convolutions: tuple[int, ...]) -> Body:
    """The layers, with so many convolutions in each block."""

    def body(layer: Named, x: SymbolicTensor, given: Arguments) -> SymbolicTensor:
        for block, (count, filters) in enumerate(zip(convolutions, FILTERS, strict=True), 1):
            for i in range(1, count + 1):
                name = f"block{block}_conv{i}"
                x = layer(nn.Conv2D, x, filters, (3, 3), activation="relu", padding="same", name=name)
            x = layer(nn.MaxPooling2D, x, (2, 2), strides=(2, 2), name=f"block{block}_pool")
        if not given.include_top:
            return pooled(layer, x, given)
        x = layer(nn.Flatten, x, name="flatten")
        for name in ("fc1", "fc2"):
            x = layer(nn.Dense, x, 4096, activation="relu", name=name)
        return layer(nn.Dense, x, given.classes, activation=given.top_activation(), name="predictions")

    return body


def _plan(network: str, convolutions: tuple[int, ...]) -> Plan:
    return Plan(network=network, name=network.lower(), size=224, least=32, body=_body(convolutions))


VGG16 = variant(standard, _plan("VGG16", (2, 2, 3, 3, 3)), "VGG16", "vgg16", REFERENCE)
VGG19 = variant(standard, _plan("VGG19", (2, 2, 4, 4, 4)), "VGG19", "vgg19", REFERENCE)
