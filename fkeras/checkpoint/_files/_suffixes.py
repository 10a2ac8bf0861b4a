"""Suffixes that name file formats; a path without one of them is an Orbax directory."""

from __future__ import annotations

import os
import pathlib

from ...core import explain
from ...core.typing import FilePath

_FORMATS = (".keras", ".h5", ".hdf5", ".json", ".safetensors")


def suffix_of(filepath: FilePath) -> str:
    """The suffix of a path: `".keras"`; empty where it has none."""
    return pathlib.Path(os.fspath(filepath)).suffix


def check_is_directory(filepath: FilePath) -> None:
    """Refuse the suffix of a file format where an Orbax directory is read or written.

    Raises:
        ValueError: it is one.
    """
    if suffix_of(filepath) in _FORMATS:
        raise ValueError(
            explain(
                f"This version of fkeras does not do this with {suffix_of(filepath)} files.",
                received=os.fspath(filepath),
                write="a path without that suffix: an Orbax directory",
            )
        )
