"""The container of a `.keras` file: a zip, or a directory, of a config, weights and assets.

Nothing of it is trusted: names may not leave the archive, sizes are bounded before memory is taken, and the config
is data. Reference: https://keras.io/guides/serialization_and_saving/
"""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

from ...core import MOST_BYTES, explain, read_json
from ...core.typing import JSON, FilePath
from ._zip_section import ZipSection

CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS = "model.weights"

# Weights hardly compress; a member that unpacks to more than this many times its size was made to fill memory.
_MAX_RATIO = 200
_MAX_MEMBERS = 10_000
# The most bytes of vocabularies: two million entries of thirty letters.
_MAX_ASSETS = 64 << 20
_CHUNK = 1 << 20
# Members up to this size are held in memory.
_IN_MEMORY = 16 << 20


class Archive:
    """Read access to the members of a `.keras` file, or of a directory with the same content.

    Attributes:
        path: where it is.
        names: the members.
        size: how many bytes it has on disk.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: no zip, a damaged one, or one with members that no saved model has.
    """

    def __init__(self, path: FilePath) -> None:
        self.path = pathlib.Path(os.fspath(path))
        self._zip: zipfile.ZipFile | None = None
        if self.path.is_dir():
            files = [p for p in self.path.rglob("*") if p.is_file()]
            self.names = {p.relative_to(self.path).as_posix() for p in files}
            self.size = sum(p.stat().st_size for p in files)
            return
        if not self.path.is_file():
            raise FileNotFoundError(
                explain(f"There is no file {str(self.path)!r}.", usually="a wrong path.", write="the path of save")
            )
        self.size = self.path.stat().st_size
        try:
            self._zip = zipfile.ZipFile(self.path)
            self.names = {info.filename for info in self._checked(self._zip)}
        except (zipfile.BadZipFile, OSError, UnicodeDecodeError, NotImplementedError) as error:
            raise self.damaged(str(error)) from None

    def _checked(self, archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
        """The members, none of which may leave the archive by its name or have an impossible size."""
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS:
            raise self.damaged(f"{len(members)} members")
        seen: set[str] = set()
        for info in members:
            parts = pathlib.PurePosixPath(info.filename.replace("\\", "/")).parts
            unsafe = info.filename.startswith(("/", "\\")) or ".." in parts or (parts and ":" in parts[0])
            link = (info.external_attr >> 16) & 0o170000 == 0o120000
            if unsafe or link:
                raise self.damaged(
                    f"member {info.filename!r}, which " + ("is a link" if link else "leaves the archive")
                )
            if info.filename in seen:
                raise self.damaged(f"two members {info.filename!r}")
            seen.add(info.filename)
            if info.file_size > _CHUNK and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
                raise self.damaged(f"member {info.filename!r}, which unpacks to {info.file_size:,} bytes")
            if info.flag_bits & 1:
                raise self.damaged(f"member {info.filename!r}, which is encrypted")
            if not info.is_dir():
                yield info

    def damaged(self, label: str) -> ValueError:
        """The error for content that is not a saved model's."""
        return ValueError(
            explain(
                f"{str(self.path)!r} is no whole .keras file.",
                received=label,
                usually="a download that broke off, another format under this name, or a file made to harm.",
                write="a file that keras.Model.save or fkeras wrote",
            )
        )

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *details: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def json(self, name: str) -> JSON:
        """A member that holds JSON.

        Raises:
            ValueError: it is missing, too large, or no JSON.
        """
        if name not in self.names:
            raise self.damaged(f"no {name}")
        return read_json(self.read(name, MOST_BYTES), f"{name} in {str(self.path)!r}")

    def read(self, name: str, limit: int) -> bytes:
        """A member's bytes, at most `limit` of them."""
        try:
            with self._open(name) as member:
                data = member.read(limit + 1)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise self.damaged(f"{name}: {error}") from None
        if len(data) > limit:
            raise self.damaged(f"{name} of more than {limit:,} bytes")
        return data

    def _open(self, name: str) -> IO[bytes]:
        if self._zip is None:
            place = (self.path / name).resolve()
            if not place.is_relative_to(self.path.resolve()):
                raise self.damaged(f"{name!r}, which is a link out of the directory")
            return place.open("rb")
        return self._zip.open(name)

    def open_seekable(self, name: str) -> BinaryIO:
        """A member as a file one can seek in; what was compressed is unpacked to a temporary file.

        The sizes in a zip's directory are claims: unpacking stops where they are exceeded.
        """
        if self._zip is None:
            return cast(BinaryIO, self._open(name))
        info = self._zip.getinfo(name)
        stored = info.compress_type == zipfile.ZIP_STORED
        if stored and info.file_size > _IN_MEMORY:
            self._verify(info)
            return io.BufferedReader(ZipSection(self.path, info), _CHUNK)
        is_small = info.file_size <= _IN_MEMORY
        place: BinaryIO = io.BytesIO() if is_small else cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        try:
            with self._zip.open(name) as member:
                shutil.copyfileobj(member, place, _CHUNK)
                if place.tell() > info.file_size:
                    raise self.damaged(f"{name} is larger than it says")
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            place.close()
            raise self.damaged(f"{name}: {error}") from None
        place.seek(0)
        return place

    def _verify(self, info: zipfile.ZipInfo) -> None:
        """Read a member once to its end, which makes zipfile compare its checksum."""
        assert self._zip is not None
        try:
            with self._zip.open(info) as member:
                while member.read(_CHUNK):
                    pass
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise self.damaged(f"{info.filename}: {error}") from None

    def assets(self, limit: int = _MAX_ASSETS) -> dict[str, bytes]:
        """Files that layers keep beside their weights, by path under `assets/`."""
        found = {}
        for name in sorted(n for n in self.names if n.startswith("assets/")):
            data = self.read(name, limit)
            limit -= len(data)
            found[name.removeprefix("assets/")] = data
        return found
