"""The layers that work on the features of a flattened image: torch flattens with the channels first.

A kernel of such a layer has its inputs in another order there. Which layers those are is seen in a graph.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...core import Layer, Model, SymbolicTensor, children
from ...nn import Flatten, Permute


class Image(NamedTuple):
    """What was flattened.

    Attributes:
        channels: how many.
        window: its other sizes.
    """

    channels: int
    window: tuple[int, ...]


def flattened(model: Model) -> dict[tuple[str, ...], Image]:
    """The image whose features each layer works on, by the layer's path; layers of whole graphs only."""
    found: dict[tuple[str, ...], Image] = {}
    for name, layer in children(model):
        if isinstance(layer, Model):
            found |= {(name, *path): image for path, image in flattened(layer).items()}
    for node in () if model.graph is None else model.graph.nodes:
        image = _image_of(node.inputs[0]) if len(node.inputs) == 1 else None
        if image is not None and isinstance(node.operation, Layer) and node.operation.name is not None:
            found[(node.operation.name,)] = image
    return found


def _image_of(tensor: SymbolicTensor) -> Image | None:
    """The image that a tensor of features `(batch, features)` was, where nothing has mixed them since."""
    while len(tensor.shape) == 2:
        node = tensor.node
        if len(node.inputs) != 1:
            return None
        (before,) = node.inputs
        if isinstance(node.operation, Flatten):
            sizes = [size for size in before.shape[1:] if size is not None]
            if len(sizes) < max(2, len(before.shape) - 1) or _is_in_order(before):
                return None
            first = node.operation.data_format == "channels_first"
            channels, *window = sizes if first else (sizes[-1], *sizes[:-1])
            return Image(channels, tuple(window)) if math.prod(window) > 1 else None
        if before.shape != tensor.shape or "kernel" in str(sorted(node.variables.get("params", {}))):
            return None
        tensor = before
    return None


def _is_in_order(tensor: SymbolicTensor) -> bool:
    """Whether a `Permute` has put the channels first, so that the features are in torch's order already."""
    layer = tensor.node.operation
    last = len(tensor.shape) - 1
    return isinstance(layer, Permute) and tuple(layer.dims) == (last, *range(1, last))
