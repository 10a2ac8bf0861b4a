"""What layers keep in files of their own beside the weights: vocabularies, and the weights of their entries."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from ...core import Layer, Model, Part
from ._archive import Archive
from ._layout import layers_at
from ._open_weights import open_weights

# Where a vocabulary's inverse document frequencies are among the weights.
_IDF = "/vars/idf_weights"


@runtime_checkable
class KeepsAssets(Protocol):
    """A layer that keeps files beside its weights."""

    def _with_assets(self, files: Mapping[str, bytes | np.ndarray]) -> Layer:
        """The layer with what its files say, by their names."""


@runtime_checkable
class KeepsMoreWeights(Protocol):
    """A layer that has datasets among the weights that are no variables."""

    def _beside_weights(self) -> Mapping[str, np.ndarray]:
        """The datasets, by their paths from the layer's group."""


def datasets_beside(layers: Mapping[str, Layer | Part]) -> Iterator[tuple[str, np.ndarray]]:
    """The datasets that layers keep beside their variables, with their places."""
    for at, layer in layers.items():
        if isinstance(layer, KeepsMoreWeights):
            yield from ((f"{at}/{path}", array) for path, array in layer._beside_weights().items())


def with_assets(model: Model, archive: Archive) -> Model:
    """The model with what its layers keep in files: each gets the files under its own path.

    Args:
        model: the model.
        archive: the file that it is read from.

    Returns:
        The model.
    """
    with open_weights(archive) as weights:
        idf = {at: weights.read(at) for at in weights.specs if at.endswith(_IDF)}
    assets = {pathlib.PurePosixPath(name): data for name, data in archive.assets().items()}
    changed: dict[str, dict[str, bytes | np.ndarray]] = {}
    for at, layer in layers_at(model).items():
        files: dict[str, bytes | np.ndarray] = {p.name: data for p, data in assets.items() if p.parent.as_posix() == at}
        if files and isinstance(layer, KeepsAssets):
            if f"{at}{_IDF}" in idf:
                files["idf_weights"] = idf[f"{at}{_IDF}"]
            changed[str(layer.name)] = files

    def change(layer: Layer) -> Layer:
        files = changed.get(str(layer.name))
        return layer._with_assets(files) if files is not None and isinstance(layer, KeepsAssets) else layer

    return model.map_layers(change)
