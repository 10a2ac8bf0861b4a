"""The manifest of a checkpoint directory: written with a checksum of itself, and checked before it is used.

Versions of the format:
    1: format, version, kind, the description, and each array's path, shape, dtype and SHA-256.
    2: the same, and a SHA-256 of all of that, so that no word of the description can change unseen. Since 0.1 also the
       files beside it, which readers may compare.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, cast

from ...core import ArraySpec, explain, read_json
from ...core.typing import FilePath
from .._files._json_schema import Kind, KindError
from ._manifest_fields import BY_KIND, COMMON
from ._manifest_types import FileNote, Manifest, ProgramManifest

MANIFEST = "fkeras.json"
VERSION = 2

# Bounds for files made to harm, and for what is written: far beyond the longest history beside the largest model.
_MAX_BYTES = 64 << 20
_MAX_OBJECTS = 2_000_000
_SEAL = "sha256"
# Larger files are compared by size alone: each array has a checksum, and not all of them may be read.
_MAX_HASHED = 16 << 20


def seal(content: Mapping[str, Any]) -> str:
    """The text of a manifest, with the SHA-256 of what it says.

    Raises:
        ValueError: it is longer than what is read.
    """
    content = json.loads(json.dumps({"format": "fkeras", "version": VERSION, **content}))
    written = json.dumps({**content, _SEAL: _digest(content)}, indent=1)
    fault = _too_large(written.encode())
    if fault:
        raise ValueError(
            explain(
                "The checkpoint's description is too long to be read again.",
                received=fault,
                usually="a history or a callback's memory that grows with each step.",
                write="a shorter memory, or arrays in it, which are kept beside the description",
            )
        )
    return written


def _too_large(content: bytes) -> str:
    """Which bound a manifest exceeds, if any; counted before it is parsed."""
    if len(content) > _MAX_BYTES:
        return f"{len(content):,} bytes, where at most {_MAX_BYTES:,} are read"
    objects = content.count(b"{") + content.count(b"[")
    return f"{objects:,} lists and dicts, where at most {_MAX_OBJECTS:,} are read" if objects > _MAX_OBJECTS else ""


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(directory: FilePath, kinds: tuple[str, ...]) -> Manifest:
    """The manifest of a checkpoint of one of the given kinds.

    Args:
        directory: the checkpoint.
        kinds: `"weights"`, `"model"`, `"trainer"` or `"exported"`.

    Returns:
        What it says, every field of which was compared with what it has to be.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, of a later version, or of another kind.
    """
    place = pathlib.Path(os.path.abspath(os.fspath(directory)))
    path = place / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            explain(
                f"There is no checkpoint at {str(place)!r}.",
                received="nothing there" if not place.exists() else f"no {MANIFEST} in it",
                usually="a wrong path, or a save that did not finish.",
                write='the path that was given to save, e.g. fk.load_model("run/model")',
            )
        )
    manifest = _parse(path)
    if manifest["version"] > 1 and manifest.pop(_SEAL, None) != _digest(manifest):
        raise _damaged(path, "a SHA-256 that is not its own")
    if manifest["kind"] not in kinds:
        raise ValueError(
            explain(
                f"The checkpoint at {str(place)!r} is a {manifest['kind'][:80]}, not a {' or a '.join(kinds)}.",
                write={
                    "trainer": "fk.load_trainer(path)",
                    "model": "fk.load_model(path)",
                    "weights": "model.load_weights(path, variables)",
                    "exported": "fk.load_exported(path)",
                }.get(manifest["kind"], ""),
            )
        )
    read_as(manifest, BY_KIND[manifest["kind"]], str(path))
    return cast(Manifest, manifest)


def _parse(path: pathlib.Path) -> dict[str, Any]:
    """The manifest in a file, the fields of which that every kind has are checked."""
    if path.is_symlink():
        raise _damaged(path, "a link, which is not followed: the copy is cp -rL")
    if path.stat().st_size > _MAX_BYTES:
        raise _damaged(path, f"{path.stat().st_size:,} bytes, where at most {_MAX_BYTES:,} are read")
    content = path.read_bytes()
    if fault := _too_large(content):
        raise _damaged(path, fault)
    try:
        manifest = read_json(content, repr(str(path)), _MAX_BYTES, _MAX_OBJECTS)
    except ValueError as error:
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != "fkeras":
        raise ValueError(explain(f"{str(path)!r} is no manifest of fkeras.", received=str(manifest)[:80]))
    version = manifest.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(
            explain(
                f"The checkpoint has format version {str(version)[:20]}, and this fkeras reads up to {VERSION}.",
                write="pip install --upgrade fkeras",
            )
        )
    read_as(manifest, COMMON, str(path))
    return manifest


def read_as(value: object, kind: Kind, label: str) -> None:
    """Refuse JSON from a file that is of another kind than it has to be.

    Raises:
        ValueError: naming the file, and what in it is wrong.
    """
    try:
        kind(value, ())
    except KindError as error:
        raise _damaged(label, str(error)) from None


def list_files(place: pathlib.Path) -> dict[str, FileNote]:
    """Size of each file below a directory, and the SHA-256 of those that are small."""
    notes: dict[str, FileNote] = {}
    for path in sorted(p for p in place.rglob("*") if p.is_file()):
        size = path.stat().st_size
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if size <= _MAX_HASHED else ""
        notes[path.relative_to(place).as_posix()] = [size, sha256]
    return notes


def check_files(place: pathlib.Path, notes: Mapping[str, FileNote] | None) -> None:
    """Compare the files below a directory with what its manifest says, before another library parses them.

    Args:
        place: the directory.
        notes: size and SHA-256 of each file; `None` in manifests that are older than such lists.

    Raises:
        ValueError: one that is missing, or not the one that was written.
    """
    for name, (size, digest) in (notes or {}).items():
        path = place / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size != size:
            raise _unreadable(place, f"the file {name!r} is missing, or of another size than was written")
        if digest and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise _unreadable(place, f"the file {name!r} has another SHA-256 than was written")


def _unreadable(place: pathlib.Path, received: str) -> ValueError:
    return ValueError(
        explain(
            f"The arrays in {str(place)!r} cannot be read.",
            received=received,
            usually="the copy is not whole, or the file was damaged.",
        )
    )


def _damaged(path: FilePath, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{str(path)!r} is damaged.",
            received=received,
            usually="the file was cut off, edited, or made to harm.",
            write="another checkpoint; this one cannot be trusted",
        )
    )


def specs(manifest: Manifest | ProgramManifest) -> dict[str, ArraySpec]:
    """Paths, shapes and dtypes that a manifest lists."""
    return {path: (tuple(r["shape"]), r["dtype"]) for path, r in manifest["arrays"].items()}
