"""The manifest of a checkpoint directory: what it says of itself, sealed, and checked before it is believed.

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
import re
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ..core import explain, read_json
from ._report import Spec

MANIFEST = "fkeras.json"
VERSION = 2

# Far more than the longest history beside the largest model; a bound for hostile files.
_MAX_BYTES = 256 << 20
_SEAL = "sha256"
# Larger files are compared by size alone: their arrays have checksums of their own, and may not all be asked for.
_MAX_HASHED = 16 << 20
# A dimension or a product of dimensions beyond this is no array's.
_MAX_SIZE = 1 << 48


def seal(content: Mapping[str, Any]) -> str:
    """The text of a manifest, with the SHA-256 of what it says."""
    content = json.loads(json.dumps({"format": "fkeras", "version": VERSION, **content}))
    return json.dumps({**content, _SEAL: _digest(content)}, indent=1)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(directory: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The manifest of a checkpoint of one of the given kinds.

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
    if manifest["version"] > VERSION:
        raise ValueError(
            explain(
                f"The checkpoint has format version {manifest['version']}, and this fkeras reads up to {VERSION}.",
                write="pip install --upgrade fkeras",
            )
        )
    if manifest["version"] > 1 and manifest.pop(_SEAL, None) != _digest(manifest):
        raise _damaged(path, "a SHA-256 that is not its own")
    if manifest.get("kind") not in kinds:
        raise ValueError(
            explain(
                f"The checkpoint at {str(place)!r} is a {manifest.get('kind')}, not a {' or a '.join(kinds)}.",
                write={
                    "trainer": "fk.load_trainer(path)",
                    "model": "fk.load_model(path)",
                    "weights": "model.load_weights(path, variables)",
                    "exported": "fk.load_exported(path)",
                }.get(str(manifest.get("kind")), ""),
            )
        )
    return manifest


def _parse(path: pathlib.Path) -> dict[str, Any]:
    """A manifest of which every record has the form it should have."""
    if path.stat().st_size > _MAX_BYTES:
        raise _damaged(path, f"{path.stat().st_size:,} bytes")
    try:
        manifest = read_json(path.read_bytes(), repr(str(path)), _MAX_BYTES, _MAX_BYTES)
        known = manifest["format"] == "fkeras" and isinstance(manifest["version"], int) and manifest["version"] > 0
        records = dict(manifest["arrays"])
        faults = [name for name, record in records.items() if not _is_record(name, record)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from None
    if not known:
        raise ValueError(explain(f"{str(path)!r} is no manifest of fkeras.", received=str(manifest)[:80]))
    if faults:
        raise _damaged(path, f"a record that describes no array: {faults[0]!r}: {str(records[faults[0]])[:80]}")
    return manifest


def _is_record(name: str, record: Any) -> bool:
    """Whether a record describes an array, under a name that stays within the directory."""
    shape, said = record["shape"], record["sha256"]
    size = 1
    for d in shape:
        if isinstance(d, bool) or not isinstance(d, int) or not 0 <= d <= _MAX_SIZE:
            return False
        size *= max(d, 1)
    if size > _MAX_SIZE or len(shape) > 32:
        return False
    numbers = record["dtype"] == "bool" or jnp.issubdtype(jnp.dtype(record["dtype"]), jnp.number)
    whole = isinstance(said, str) and re.fullmatch("[0-9a-f]{64}", said) is not None
    inside = "\0" not in name and not {"", ".", ".."} & set(name.split("/"))
    return numbers and whole and inside


def list_files(place: pathlib.Path) -> dict[str, Any]:
    """Size of each file below a directory, and the SHA-256 of those that are small."""
    found = {}
    for path in sorted(p for p in place.rglob("*") if p.is_file()):
        size = path.stat().st_size
        small = size <= _MAX_HASHED
        found[path.relative_to(place).as_posix()] = [
            size,
            hashlib.sha256(path.read_bytes()).hexdigest() if small else "",
        ]
    return found


def check_files(place: pathlib.Path, said: Any) -> None:
    """Compare the files below a directory with what its manifest says, before another library parses them.

    Raises:
        ValueError: one that is missing, or not the one that was written.
    """
    if not isinstance(said, Mapping):
        return  # what was written before there was such a list
    for name, (size, digest) in said.items():
        path = place / name
        inside = not {"", ".", ".."} & set(str(name).split("/")) and not path.is_symlink()
        if not inside or not path.is_file() or path.stat().st_size != size:
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


def _damaged(path: pathlib.Path, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{str(path)!r} is damaged.",
            received=received,
            usually="the file was cut off, edited, or made to harm.",
            write="another checkpoint; this one cannot be trusted",
        )
    )


def specs(manifest: Mapping[str, Any]) -> Spec:
    """Paths, shapes and dtypes that a manifest lists."""
    return {path: (tuple(r["shape"]), r["dtype"]) for path, r in manifest["arrays"].items()}
