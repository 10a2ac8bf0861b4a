"""Where a network begins that was given weights: initializers that return arrays, and no config says so."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from ... import nn
from ...core import Layer, content_key, explain
from ...core.typing import Array, DTypeLike, Key, Variables
from ...nn import initializers

#: The weights of one layer: `(collection, name) -> array`.
Weights: TypeAlias = Mapping[tuple[str, str], np.ndarray]

# Which argument of a layer says where a weight begins, where it is not the weight's name and `_initializer`.
_ARGUMENTS: dict[type[Layer], dict[tuple[str, str], str]] = {
    nn.BatchNormalization: {
        ("params", "scale"): "gamma_initializer",
        ("params", "bias"): "beta_initializer",
        ("batch_stats", "mean"): "moving_mean_initializer",
        ("batch_stats", "var"): "moving_variance_initializer",
    },
    nn.LayerNormalization: {("params", "scale"): "gamma_initializer", ("params", "bias"): "beta_initializer"},
    nn.DepthwiseConv2D: {("params", "kernel"): "depthwise_initializer"},
    nn.SeparableConv2D: {
        ("params", "depthwise_kernel"): "depthwise_initializer",
        ("params", "pointwise_kernel"): "pointwise_initializer",
    },
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Start(initializers.Initializer):
    """An array that a weight begins with, in the place of an initializer.

    A config has the initializer: as of `Embedding(weights=[matrix])`, what a layer began with is in no file, and the
    weights as they are then are.

    Args:
        written_as: what a config has in its place.
        array: the array.
    """

    written_as: Any
    array: np.ndarray

    def __call__(self, key: Key | None, shape: Any, dtype: DTypeLike = jnp.float32) -> Array:
        if tuple(shape) != self.array.shape:
            raise ValueError(
                explain(
                    "The layer has other sizes than the weight that it begins with.",
                    received=f"shape {tuple(shape)} for an array of shape {self.array.shape}",
                    usually="an argument of a layer with weights of a file was changed.",
                    write="the network with weights=None, or its layer as it is",
                )
            )
        return jnp.asarray(self.array, dtype)

    @property
    def _written_as(self) -> Any:
        return self.written_as

    @functools.cached_property
    def _key(self) -> bytes:
        return content_key(self.array)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Start) and self.written_as == other.written_as and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"{self.written_as!r}.starting_from({self.array.dtype}{self.array.shape})"


def starting_from(layer: Layer, weights: Weights) -> Layer:
    """A layer that begins with the given weights."""
    if isinstance(layer, nn.Normalization):
        found = [weights["non_trainable", name] for name in ("mean", "variance", "count")]
        return adapted_to(layer, *found)
    own = dict(getattr(layer, "start_arguments", ()))  # of a layer of one network
    known = next((names for kind, names in _ARGUMENTS.items() if isinstance(layer, kind)), own)
    changes = {}
    for place, array in weights.items():
        argument = known.get(place, f"{place[1]}_initializer")
        changes[argument] = Start(getattr(layer, argument), array)
    return layer.replace(**changes)


def adapted_to(
    layer: nn.Normalization, mean: np.ndarray, variance: np.ndarray, count: int | np.ndarray = 0
) -> nn.Normalization:
    """A normalisation of the last axis of images with the given moments as its weights.

    `adapt` finds them in two pixels, one deviation to either side of the mean.
    """
    deviation = np.sqrt(np.asarray(variance, np.float64))
    pixels = np.stack([mean - deviation, mean + deviation])[:, None, None, :]
    return layer.adapt(pixels).replace(_adapted=int(count))


def by_layer(variables: Variables) -> dict[tuple[str, ...], dict[tuple[str, str], np.ndarray]]:
    """A model's variables by the path of the layer that has them."""
    found: dict[tuple[str, ...], dict[tuple[str, str], np.ndarray]] = {}

    def enter(collection: str, tree: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for name, value in tree.items():
            if isinstance(value, Mapping):
                enter(collection, value, (*path, name))
            else:
                array = np.array(value)
                array.flags.writeable = False
                found.setdefault(path, {})[collection, name] = array

    for collection, tree in variables.items():
        enter(collection, tree, ())
    return found
