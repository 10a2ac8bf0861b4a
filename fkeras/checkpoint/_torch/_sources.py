"""Where torch has each weight of a layer: the names that it may have there, each with its layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...core import Layer
from ...nn import GRU, LSTM, DepthwiseConv1D, DepthwiseConv2D, EinsumDense, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from . import _layouts as layouts
from ._flattened import Image
from ._layouts import LayoutOf

Path = tuple[str, ...]


class Source(NamedTuple):
    """Where torch may have a weight.

    Attributes:
        names: of the arrays, `("conv1.weight",)`.
        layout: how it has them.
    """

    names: tuple[str, ...]
    layout: LayoutOf


# Torch's names of a weight, by its name here.
_LEAVES = {
    "kernel": ("weight",),
    "embedding": ("weight",),
    "embeddings": ("weight",),
    "scale": ("weight",),
    "bias": ("bias",),
    "mean": ("running_mean",),
    "var": ("running_var",),
}
# What programs call the projections of attention.
_PARTS = {
    "query": ("q_proj", "query", "q", "wq", "to_q", "q_lin"),
    "key": ("k_proj", "key", "k", "wk", "to_k", "k_lin"),
    "value": ("v_proj", "value", "v", "wv", "to_v", "v_lin"),
    "out": ("out_proj", "o_proj", "out", "o", "wo", "to_out", "proj", "dense", "out_lin"),
}
_THREE = ("query", "key", "value")
_RECURRENT = (LSTM, GRU, SimpleRNN, LSTMCell, GRUCell, SimpleRNNCell)


def sources(layer: Layer | None, path: Path, rest: Path, rank: int, image: Image | None) -> Iterator[Source]:
    """Where torch may have a weight, the likeliest first.

    Args:
        layer: the layer that has the weight; `None` where that is no layer of the catalogue.
        path: of the layer.
        rest: of the weight, in it.
        rank: of the weight.
        image: what the layer's inputs were before they were flattened.

    Yields:
        The places.
    """
    leaf = rest[-1]
    if isinstance(layer, _RECURRENT):
        yield from _recurrent(layer, path, leaf)
    if len(rest) > 1 and rest[-2] in _PARTS:
        yield from _attention((*path, *rest[:-2]), rest[-2], leaf)
    layout = _layout(layer, rest, rank, image)
    owner = (*path, *rest[:-1])
    for name in (*_LEAVES.get(leaf, ()), leaf):
        yield Source((".".join((*owner, name)),), layout)


def _layout(layer: Layer | None, rest: Path, rank: int, image: Image | None) -> LayoutOf:
    leaf = rest[-1]
    if leaf == "reverse_embeddings" and rank == 2:
        return layouts.linear()
    if leaf == "depthwise_kernel" or (leaf == "kernel" and isinstance(layer, DepthwiseConv1D | DepthwiseConv2D)):
        return layouts.depthwise
    if leaf == "pointwise_kernel":
        return layouts.convolution
    if leaf == "kernel" and rank == 2:
        return layouts.linear() if image is None else layouts.after_flattening(*image)
    if leaf == "kernel" and len(rest) == 1 and not isinstance(layer, EinsumDense) and rank > 2:
        return layouts.convolution
    if (image is not None and leaf in ("scale", "mean", "var")) or (image is not None and _is_norm(layer, leaf)):
        return layouts.vector_after_flattening(*image)
    return layouts.same


def _is_norm(layer: Layer | None, leaf: str) -> bool:
    return leaf == "bias" and type(layer).__name__.endswith("Normalization")


def _recurrent(layer: Layer, path: Path, leaf: str) -> Iterator[Source]:
    """`weight_ih_l0` and its kin; those of the second direction have another ending, and a cell's have none."""
    is_gru, ending, owner = isinstance(layer, GRU | GRUCell), "_l0", path
    if isinstance(layer, LSTMCell | GRUCell | SimpleRNNCell):
        ending = ""
    if path and path[-1].startswith(("forward_", "backward_")):
        owner, ending = path[:-1], "_l0_reverse" if path[-1].startswith("backward_") else "_l0"
    prefix = "".join(f"{name}." for name in owner)
    kernel = layouts.gru_kernel if is_gru else layouts.linear()
    if leaf == "kernel":
        yield Source((f"{prefix}weight_ih{ending}",), kernel)
    elif leaf == "recurrent_kernel":
        yield Source((f"{prefix}weight_hh{ending}",), kernel)
    elif leaf == "bias" and (not is_gru or getattr(layer, "reset_after", True)):
        names = (f"{prefix}bias_ih{ending}", f"{prefix}bias_hh{ending}")
        yield Source(names, layouts.gru_biases if is_gru else layouts.added_biases)


def _attention(owner: Path, part: str, leaf: str) -> Iterator[Source]:
    """One matrix of all three projections, as `torch.nn.MultiheadAttention` has it, or a layer for each."""
    prefix = "".join(f"{name}." for name in owner)
    kernel = layouts.linear(2 if part == "out" else 1)
    if leaf not in ("kernel", "bias"):
        return
    name = "weight" if leaf == "kernel" else "bias"
    if part in _THREE:
        layout = (layouts.one_of_three if leaf == "kernel" else layouts.vector_of_three)(_THREE.index(part))
        yield Source((f"{prefix}in_proj_{name}",), layout)
        yield Source((f"{prefix}qkv.{name}",), layout)
        if leaf == "kernel":
            yield Source((f"{prefix}{part[0]}_proj_weight",), kernel)
    for alias in _PARTS[part]:
        yield Source((f"{prefix}{alias}.{name}",), kernel if leaf == "kernel" else layouts.flat)
