"""Several checkpoints in one directory, each named by its step."""

from __future__ import annotations

import os
import pathlib
import re

from ...core import as_path
from ...core.typing import FilePath
from ._manifest import MANIFEST

NUMBERED = re.compile(r"\d{9,}")


def numbered(directory: pathlib.Path) -> list[pathlib.Path]:
    """The checkpoints of a run that keeps several, oldest first."""
    inside = directory.iterdir() if directory.is_dir() else ()
    return sorted(p for p in inside if NUMBERED.fullmatch(p.name) and (p / MANIFEST).is_file())


def last_of(directory: FilePath) -> pathlib.Path:
    """The checkpoint at a path: the last one where several are in the directory, else the directory itself."""
    place = pathlib.Path(os.path.abspath(as_path(directory, "A checkpoint")))
    return (numbered(place) or [place])[-1]
