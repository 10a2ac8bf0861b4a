"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import TypeVar

from ...core import explain, follow
from ...core.typing import FilePath

Temporary = TypeVar("Temporary")


@contextlib.contextmanager
def whole_file(filepath: FilePath, overwrite: bool) -> Iterator[pathlib.Path]:
    """A temporary file beside `filepath`, moved there when it is whole; nothing is left of it otherwise.

    A link is followed: what it leads to is replaced, and the link stays.

    Raises:
        FileExistsError: it exists and `overwrite` is false, or it is no file.
    """
    target = follow(filepath, "A file")
    if target.exists() and (not overwrite or not target.is_file()):
        kind = "a directory" if target.is_dir() else "a device or a pipe"
        raise FileExistsError(
            explain(
                f"{str(target)!r} exists.",
                received="overwrite=False" if not overwrite else kind,
                write="another path, or overwrite=True" if not overwrite else "another path",
            )
        )
    with temporary_beside(target, tempfile.mkstemp) as (handle, name):
        os.close(handle)
        beside = pathlib.Path(name)
        try:
            yield beside
            os.chmod(beside, mode_of(target, 0o666))
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary_beside(target: pathlib.Path, make: Callable[..., Temporary]) -> Iterator[Temporary]:
    """What `tempfile.mkstemp` or `mkdtemp` makes, in the directory of `target`, which is made if it is not there.

    Raises:
        OSError: nothing can be written there; said in words.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # file names end at 255 bytes, and this one is longer than the target's
        temporary = make(prefix=f".{target.name[:60]}-", dir=target.parent)
    except OSError as error:
        raise type(error)(
            explain(
                f"Nothing can be written at {str(target)!r}.",
                received=str(error.strerror or error),
                usually="a wrong path, a disk that is full or mounted for reading, or a directory of somebody else.",
            )
        ) from None
    yield temporary


def mode_of(target: pathlib.Path, otherwise: int) -> int:
    """The permissions of the file that is replaced, or of a new one the process's default."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return otherwise & ~mask
