"""The arrays of an `.npz` file, those of lists too, without code that the file names."""

from __future__ import annotations

import io
import math
import pathlib
import zipfile
import zlib
from typing import BinaryIO

import numpy as np

from ..core.typing import Shaped
from ._files import damaged
from ._plain_pickle import read_plain

# The largest file of the data sets has 55 MB unpacked; a member larger than this is not one of theirs.
_MAX_BYTES = 2 << 30


def read_npz(name: str, path: pathlib.Path, *members: str) -> list[Shaped[np.ndarray, "*shape"]]:
    """Some arrays of an `.npz` file.

    Args:
        name: the data set.
        path: the file.
        members: the arrays' names, those of inputs and of their targets by turns.

    Returns:
        The arrays, in the order of their names.

    Raises:
        ValueError: no such file, an array that is missing or of another length, or a pickle of anything but numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            here = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            missing = [member for member in members if member not in here]
            if missing:
                raise damaged(name, path, f"no array {missing[0]!r}, but {', '.join(here) or 'none'}")
            large = [member for member in members if here[member].file_size > _MAX_BYTES]
            if large:
                raise damaged(name, path, f"array {large[0]!r} of more than {_MAX_BYTES:,} bytes")
            found = [_read(name, path, io.BytesIO(archive.read(here[member]))) for member in members]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise damaged(name, path, str(error)) from None
    for x, y in zip(found[::2], found[1::2], strict=True):
        if x.ndim == 0 or x.shape[:1] != y.shape[:1]:
            raise damaged(name, path, f"{members} of shapes {[each.shape for each in found]}")
    return found


def _read(name: str, path: pathlib.Path, file: BinaryIO) -> Shaped[np.ndarray, "*shape"]:
    """An array in numpy's format."""
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, columns_first, dtype = header(file)
        data = file.read()
        if dtype.hasobject:
            array = read_plain(io.BytesIO(data))
        elif len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"an array of shape {shape} without its bytes")
        else:
            array = np.frombuffer(data, dtype).reshape(shape, order="F" if columns_first else "C").copy()
    except ValueError as error:
        raise damaged(name, path, str(error)) from None
    if not isinstance(array, np.ndarray):
        raise damaged(name, path, f"no array, but {type(array).__name__}")
    return array
