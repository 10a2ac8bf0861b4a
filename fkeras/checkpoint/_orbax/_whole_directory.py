"""Directories that are whole or not there, and that keep what others put into the ones they replace."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from ...core import explain, follow
from ...core.typing import FilePath
from .._files._atomic_file import mode_of, temporary_beside
from .._files._processes import first_alone, said_by_first
from ._manifest import MANIFEST
from ._own_files import check_inside, others


@contextlib.contextmanager
def whole_directory(directory: FilePath, overwrite: bool) -> Iterator[pathlib.Path]:
    """A temporary directory beside its place, moved there when it is whole; nothing is left of it otherwise.

    Several processes that save one checkpoint together all call it, and have one directory. What is in a checkpoint's
    directory and is not the checkpoint's stays there.

    Raises:
        FileExistsError: the directory exists and `overwrite` is false, or it is no checkpoint.
    """
    target = follow(directory, "A checkpoint")
    check_place(target, overwrite)
    beside = _beside(target)
    try:
        yield beside
        first_alone(lambda: _put_in_place(beside, target))
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _beside(target: pathlib.Path) -> pathlib.Path:
    """A new directory beside a place; of several processes the first makes one, and all have the same."""
    made: list[str] = []

    def make() -> None:
        with temporary_beside(target, tempfile.mkdtemp) as name:
            made.append(os.path.basename(name))

    first_alone(make)
    return target.parent / said_by_first(made[0] if made else "")


def _put_in_place(beside: pathlib.Path, target: pathlib.Path) -> None:
    """Move a whole directory to its place, and into it what others keep in the directory that it replaces."""
    os.chmod(beside, mode_of(target, 0o777))
    if not target.exists():
        os.rename(beside, target)
        return
    kept = others(target)
    in_both = sorted(set(kept) & {p.name for p in beside.iterdir()})
    if in_both:
        raise FileExistsError(
            explain(
                f"{str(target / in_both[0])!r} is in the way, and is no part of the checkpoint that is replaced.",
                usually="a file of one's own under a name that a checkpoint uses.",
                write="another path, or the file moved elsewhere",
            )
        )
    old = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name[:60]}-old-", dir=target.parent)) / "old"
    try:
        os.rename(target, old)
        os.rename(beside, target)
    except BaseException:
        if old.exists() and not target.exists():
            os.rename(old, target)
        with contextlib.suppress(OSError):
            old.parent.rmdir()
        raise
    for name in kept:
        os.rename(old / name, target / name)
    shutil.rmtree(old.parent)


def check_place(target: pathlib.Path, overwrite: bool) -> None:
    """Refuse to replace a checkpoint without `overwrite`, or anything that is no checkpoint.

    Raises:
        FileExistsError: it is there.
    """
    if not target.exists():
        return
    if not overwrite:
        raise FileExistsError(
            explain(f"{str(target)!r} exists.", received="overwrite=False", write="another path, or overwrite=True")
        )
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).exists()):
        raise FileExistsError(
            explain(
                f"{str(target)!r} exists and is no checkpoint, so it is not overwritten.",
                received="a file" if not target.is_dir() else f"a directory without {MANIFEST}",
                usually="a wrong path.",
                write="a path that does not exist yet",
            )
        )
    check_inside(target)
