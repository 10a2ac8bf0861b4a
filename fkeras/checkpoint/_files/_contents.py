"""What a file holds, by its first bytes: suffixes are names, and people give any."""

from __future__ import annotations

import pathlib

from ...core.typing import FilePath

HDF5, ZIP, TEXT, PICKLE, EMPTY, UNKNOWN = "HDF5", "zip", "text", "a pickle", "nothing", "unknown"

#: The suffixes of whole models in HDF5.
HDF5_SUFFIXES = (".h5", ".hdf5")
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
# HDF5 may begin after a block of the user's, at these places.
_HDF5_PLACES = (0, 512, 1024, 2048)


def contents_of(path: FilePath) -> str:
    """What kind of file is at a path; of a directory, or of nothing, `EMPTY`."""
    place = pathlib.Path(path)
    if not place.is_file():
        return EMPTY
    with place.open("rb") as file:
        start = file.read(_HDF5_PLACES[-1] + len(_HDF5_MAGIC))
    if not start:
        return EMPTY
    if any(start[at : at + len(_HDF5_MAGIC)] == _HDF5_MAGIC for at in _HDF5_PLACES):
        return HDF5
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZIP
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    head = start[:512]
    if not any(byte < 9 or 13 < byte < 32 for byte in head):
        return TEXT
    return UNKNOWN


def is_hdf5(path: FilePath) -> bool:
    """Whether a file is HDF5, whatever it is called."""
    return contents_of(path) == HDF5
