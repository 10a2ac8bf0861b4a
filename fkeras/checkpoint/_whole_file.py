"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from ..core import explain


@contextlib.contextmanager
def whole_file(filepath: Any, overwrite: bool) -> Iterator[pathlib.Path]:
    """A temporary file beside `filepath`, moved there when it is whole; nothing is left of it otherwise."""
    target = pathlib.Path(os.path.abspath(os.fspath(filepath)))
    if target.exists() and (not overwrite or not target.is_file()):
        raise FileExistsError(
            explain(
                f"{str(target)!r} exists.",
                received="overwrite=False" if not overwrite else "a directory",
                write="another path, or overwrite=True",
            )
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    os.close(handle)
    beside = pathlib.Path(name)
    try:
        yield beside
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
