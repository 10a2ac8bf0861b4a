"""A layout without rules: from what a weight is called, its shape, and the mesh."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

from ._layout import Placement, Weights, _data_axis, spread

# What a layer's weight is called where it is of the projections of attention, in front of the heads or behind them.
_INTO_HEADS, _OUT_OF_HEADS = ("query", "key", "value", "gate"), ("out", "attention_output", "output")


@dataclasses.dataclass(frozen=True)
class Auto:
    """A layout found for the model: tensor parallel along the axes of a mesh that are not the batch's, and FSDP.

    Along an axis such as `"model"`: attention by its heads, an embedding by its features, a dense layer by the larger
    of its two sizes (so that the two layers of a block need one sum between them), a convolution by its output
    channels; each with its bias. What is left of each weight is spread over the batch's axis, as `FSDP` does, and over
    those of the other axes that do not cut it yet: heads that an axis does not divide, and recurrent layers.

    Args:
        device_mesh: the mesh.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> trainer.distribute(layout="auto").distribution.layout
    Auto()

    Reference: Shoeybi et al., arXiv:1909.08053 (which axis of which layer); Rajbhandari et al., arXiv:1910.02054.
    """

    device_mesh: Any = dataclasses.field(default=None, repr=False)

    def batch_axes(self, mesh: Mesh) -> tuple[str, ...]:
        """The axes of a mesh that the rows of a batch are spread over."""
        return (_data_axis(mesh),)

    def places(self, weights: Weights, mesh: Mesh) -> dict[str, Placement]:
        """A place for each weight, with its reason."""
        data = _data_axis(mesh)
        others = [str(axis) for axis in mesh.axis_names if axis != data and mesh.shape[axis] > 1]
        placed = {path: Placement(PartitionSpec(), "") for path in weights}
        for axis in others:
            placed = {path: _by_use(path, weights, placed[path], axis, mesh) for path in weights}
        return spread(weights, placed, (data, *others), mesh)


def _by_use(path: str, weights: Weights, taken: Placement, axis: str, mesh: Mesh) -> Placement:
    """A weight cut along an axis of the mesh as its use asks, where the sizes allow it."""
    place, use = _axis_to_cut(path, weights)
    weight, parts = weights[path], mesh.shape[axis]
    cut = [*taken.spec, *[None] * (len(weight.shape) - len(taken.spec))]
    words = [taken.reason] if taken.reason else []
    if place is None:
        if use and use not in words:
            words.append(use)
        return Placement(taken.spec, "; ".join(words))
    if cut[place] is not None:
        return taken
    if weight.shape[place] % parts:
        words.append(f"{use}, whose {weight.shape[place]} the {parts} devices of {axis!r} do not divide")
        return Placement(taken.spec, "; ".join(words))
    cut[place] = axis
    return Placement(PartitionSpec(*cut), "; ".join([*words, f"{use}, axis {place} by {axis!r}"]))


def _axis_to_cut(path: str, weights: Weights) -> tuple[int | None, str]:
    """Which axis of a weight to cut, and what the weight is."""
    *layer, name = path.split("/")
    weight, owner = weights[path], layer[-1] if layer else ""
    kernel: jax.ShapeDtypeStruct | None = weights.get("/".join([*layer, "kernel"]))
    rank = len(weight.shape)
    if "/".join([*layer, "recurrent_kernel"]) in weights:  # its gates lie side by side along the axis of the units
        return None, "a recurrent layer, whose steps need all units"
    if name.startswith("embedding") and rank == 2:
        return 1, "an embedding by its features"
    if kernel is None or name not in ("kernel", "bias"):
        return None, ""
    sizes = kernel.shape
    if len(sizes) == 3 and owner in _INTO_HEADS:
        return (1 if name == "kernel" else 0), "attention by its heads"
    if len(sizes) == 3 and owner in _OUT_OF_HEADS:
        return (0, "attention by its heads") if name == "kernel" else (None, "")
    if len(sizes) == 2:
        if sizes[1] >= sizes[0]:
            return rank - 1, "a dense layer by its units"
        return (0, "a dense layer by its inputs") if name == "kernel" else (None, "")
    if len(sizes) == 3 and rank == (3 if name == "kernel" else 2) and name == "bias":
        return 0, "a layer of several axes by the first of them"
    if len(sizes) >= 3:
        return rank - 1, "a convolution by its output channels"
    return None, ""
