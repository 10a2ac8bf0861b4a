"""The weights inside a `.keras` file, opened."""

from __future__ import annotations

from collections.abc import Mapping

from ...core import keras_version
from ._archive import CONFIG, WEIGHTS, Archive
from ._h5 import WeightsFile
from ._keras_2_places import Keras2Weights


def open_weights(archive: Archive) -> WeightsFile:
    """The weights of an archive."""
    name = f"{WEIGHTS}.h5"
    if f"{WEIGHTS}.npz" in archive.names and name not in archive.names:
        raise archive.damaged(f"{WEIGHTS}.npz, which Keras writes as Python pickles: code, which is never run")
    if name not in archive.names:
        raise archive.damaged(f"no {name}")
    file, label = archive.open_seekable(name), str(archive.path)
    record = archive.json(CONFIG) if CONFIG in archive.names else None
    if not isinstance(record, Mapping) or keras_version(record) >= 3:
        return WeightsFile(file, label, archive.size)
    weights = Keras2Weights(file, label, archive.size)
    weights.record = record
    return weights
