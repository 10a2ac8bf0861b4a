"""The weights inside a `.keras` file, opened."""

from __future__ import annotations

from ._archive import WEIGHTS, Archive
from ._h5 import WeightsFile


def open_weights(archive: Archive) -> WeightsFile:
    """The weights of an archive."""
    name = f"{WEIGHTS}.h5"
    if f"{WEIGHTS}.npz" in archive.names and name not in archive.names:
        raise archive.damaged(f"{WEIGHTS}.npz, which Keras writes as Python pickles: code, which is never run")
    if name not in archive.names:
        raise archive.damaged(f"no {name}")
    return WeightsFile(archive.open_seekable(name), str(archive.path), archive.size)
