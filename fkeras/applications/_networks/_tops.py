"""How networks end: the layers that classify, or a pooling in their place."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...core import SymbolicTensor
from ._arguments import Arguments
from ._named import Named


def classified(
    layer: Named, x: SymbolicTensor, given: Arguments, pool: str | None = "avg_pool", dropout: float = 0.0, **dense: Any
) -> SymbolicTensor:
    """The mean over the image, and a score for each class.

    Args:
        layer: makes the layers.
        x: the last features.
        given: the network's arguments.
        pool: the name of the pooling, where it has one.
        dropout: the rate between the two.
        **dense: further arguments of the last layer.
    """
    x = layer(nn.GlobalAveragePooling2D, x, name=pool)
    if dropout > 0:
        x = layer(nn.Dropout, x, dropout, name="top_dropout")
    activation = given.top_activation()
    return layer(nn.Dense, x, given.classes, activation=activation, name="predictions", **dense)


def pooled(layer: Named, x: SymbolicTensor, given: Arguments, named: bool = False) -> SymbolicTensor:
    """The features, or what `pooling` makes of them.

    Args:
        layer: makes the layers.
        x: the last features.
        given: the network's arguments.
        named: whether the pooling is called `avg_pool` or `max_pool`.
    """
    if given.pooling is None:
        return x
    kind = nn.GlobalAveragePooling2D if given.pooling == "avg" else nn.GlobalMaxPooling2D
    return layer(kind, x, name=f"{given.pooling}_pool" if named else None)


def ended(layer: Named, x: SymbolicTensor, given: Arguments, named: bool = False, **dense: Any) -> SymbolicTensor:
    """One or the other, as `include_top` says."""
    return classified(layer, x, given, **dense) if given.include_top else pooled(layer, x, given, named)
