"""Which files of a directory a checkpoint made: those are replaced and deleted, and no others."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

from ...core import explain
from ...core.typing import FilePath
from .._files._export_names import KIND, PROGRAM, PROGRAMS, STATE, WEIGHTS
from ._manifest import MANIFEST

ARRAYS = "arrays"
# What TensorFlow writes for a SavedModel.
_SAVED_MODEL = ("saved_model.pb", "fingerprint.pb", "variables", "assets", "assets.extra")


def own_names(place: pathlib.Path) -> tuple[str, ...]:
    """The names in a directory that a checkpoint made; the manifest comes first, as it is to be deleted first."""
    if not (place / MANIFEST).is_file():
        return ()
    said = _said(place)
    if said.get("kind") != KIND:
        names: tuple[str, ...] = (ARRAYS,)
    else:
        known = {"stablehlo": (PROGRAM, WEIGHTS), "training": (*PROGRAMS.values(), STATE)}
        names = known.get(str(said.get("exported")), _SAVED_MODEL)
    return (MANIFEST, *(n for n in names if os.path.lexists(place / n)))


def others(place: pathlib.Path) -> list[str]:
    """The names in a directory that are somebody else's."""
    own = own_names(place)
    return sorted(p.name for p in place.iterdir() if p.name not in own)


def is_run(place: pathlib.Path) -> bool:
    """Whether a checkpoint is one of a run that is backed up, as far as it can be read."""
    said = _said(place)
    return not said or "run" in said


def check_inside(place: pathlib.Path) -> None:
    """Refuse to replace the files of the arrays where somebody has put another among them.

    Raises:
        FileExistsError: one, by name.
    """
    foreign = _among_arrays(place)
    if foreign:
        raise FileExistsError(
            explain(
                f"{str(foreign[0])!r} lies among a checkpoint's files and is not one of them, so it stays.",
                received=f"{len(foreign)} such file{'s' * (len(foreign) > 1)} in {str(place / ARRAYS)!r}",
                usually="notes that were kept beside the arrays; a place beside the manifest is left alone.",
                write="another path, or the file moved elsewhere",
            )
        )


def delete_checkpoint(directory: FilePath) -> None:
    """Delete a checkpoint's own files, and its directory when nothing else is in it."""
    place = pathlib.Path(directory)
    keep = _among_arrays(place)
    for name in own_names(place):
        path = place / name
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif keep and name == ARRAYS:
            _delete_but(path, keep)
        else:
            shutil.rmtree(path)
    if not place.is_symlink() and not any(place.iterdir()):
        place.rmdir()


def _among_arrays(place: pathlib.Path) -> list[pathlib.Path]:
    listed = _said(place).get("files")
    if not isinstance(listed, Mapping) or ARRAYS not in own_names(place):
        return []  # older manifests have no such list
    files = [p for p in (place / ARRAYS).rglob("*") if p.is_symlink() or not p.is_dir()]
    return sorted(p for p in files if p.relative_to(place / ARRAYS).as_posix() not in listed)


def _delete_but(place: pathlib.Path, keep: list[pathlib.Path]) -> None:
    for path in sorted(place.rglob("*"), reverse=True):  # the contents of a directory come before the directory
        if path in keep or any(path in kept.parents for kept in keep):
            continue
        path.unlink() if path.is_symlink() or not path.is_dir() else path.rmdir()


def _said(place: pathlib.Path) -> dict[str, Any]:
    """What the manifest says, if it can be read; it is not checked, and only names are used."""
    try:
        said = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
