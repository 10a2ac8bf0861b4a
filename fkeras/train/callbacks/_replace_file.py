"""A file that gets other content."""

from __future__ import annotations

import os
import tempfile


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Put other content in a file's place; it is whole at every moment, and as it was where the writing fails.

    >>> import pathlib
    >>> with tempfile.TemporaryDirectory() as place:
    ...     replace_file(f"{place}/log.csv", b"epoch,loss")
    ...     pathlib.Path(place, "log.csv").read_text(), os.listdir(place)
    ('epoch,loss', ['log.csv'])
    """
    target = os.path.realpath(path)
    handle, beside = tempfile.mkstemp(prefix=".log-", dir=os.path.dirname(target))
    try:
        with open(handle, "wb") as file:
            file.write(data)
        if os.path.exists(target):
            os.chmod(beside, os.stat(target).st_mode & 0o7777)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise
