"""A member of a zip that is not compressed, as a seekable file."""

from __future__ import annotations

import io
import pathlib
import struct
import zipfile
from typing import Any


class ZipSection(io.RawIOBase):
    """A member that is not compressed, as a seekable file; zipfile's own seeks back by reading from the start again.

    Args:
        path: the zip.
        info: the member, whose content was read and compared with its checksum before.
    """

    def __init__(self, path: pathlib.Path, info: zipfile.ZipInfo) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(info.header_offset + 26)  # in the local header: the lengths of the name and of the extra field
        name, extra = struct.unpack("<HH", self._file.read(4))
        self._start, self._size, self._at = info.header_offset + 30 + name + extra, info.file_size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        count = max(0, min(len(view), self._size - self._at))
        self._file.seek(self._start + self._at)
        read = self._file.readinto(view[:count]) or 0
        self._at += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
