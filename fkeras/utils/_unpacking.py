"""Archives, unpacked whole and inside their folder, or not at all."""

from __future__ import annotations

import gzip
import lzma
import os
import pathlib
import posixpath
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..core import explain

# What unpacks to more than this many times its size was made to fill a disk; small archives may have any ratio.
_MAX_RATIO = 200
_SMALL = 256 << 20
_MAX_MEMBERS = 5_000_000
# What the standard library raises of an archive that is not whole, encrypted, or packed in a way that it lacks.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
)


class _Member(NamedTuple):
    """A member of an archive.

    Attributes:
        name: its path.
        size: its bytes.
        kind: `"file"`, `"folder"`, `"symbolic link"`, `"hard link"` or `"device"`.
        target: where a link leads.
    """

    name: str
    size: int
    kind: str
    target: str = ""


def unpack_archive(file: pathlib.Path, folder: pathlib.Path, formats: Iterable[str]) -> None:
    """Unpack an archive: into a new folder first, whose files then take their places.

    Args:
        file: the archive.
        folder: where its members come; what is there and is not in the archive stays.
        formats: `"tar"`, `"zip"`, tried in this order.

    Raises:
        ValueError: no archive of these formats, a damaged one, or one with members that leave the folder, are devices
            or fill a disk; nothing was unpacked then.
    """
    formats = list(formats)
    kind = next((f for f in formats if (tarfile.is_tarfile if f == "tar" else zipfile.is_zipfile)(file)), None)
    if kind is None:
        raise _refused(file, f"no archive of {' or '.join(map(repr, formats)) or 'any format'}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        arriving = pathlib.Path(temporary) / "unpacked"
        arriving.mkdir()
        try:
            if kind == "tar":
                with tarfile.open(file) as tar:
                    _check(file, _of_tar(tar))
                    tar.extractall(arriving, filter="data")
            else:
                with zipfile.ZipFile(file) as archive:
                    _check(file, (_Member(i.filename, i.file_size, "file") for i in archive.infolist()))
                    archive.extractall(arriving)
        except _DAMAGED as error:
            raise _refused(file, str(error)) from None
        _move(arriving, folder)


def _of_tar(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        kind = "file" if info.isreg() else "folder" if info.isdir() else "device"
        kind = "symbolic link" if info.issym() else "hard link" if info.islnk() else kind
        yield _Member(info.name, info.size, kind, info.linkname)


def _check(file: pathlib.Path, members: Iterable[_Member]) -> None:
    """Refuse an archive by what its directory says, before anything is written."""
    most = max(_SMALL, _MAX_RATIO * file.stat().st_size)
    total, found = 0, []
    for member in members:
        found.append(member)
        total += member.size
        if total > most or len(found) > _MAX_MEMBERS:
            raise _refused(file, f"more than {most:,} bytes or {_MAX_MEMBERS:,} members")
    links = {posixpath.normpath(member.name) for member in found if member.kind == "symbolic link"}
    wrong = [f"{m.name!r}, a {m.kind}{' to ' + repr(m.target) if m.target else ''}" for m in found if _leaves(m, links)]
    if wrong:
        raise _refused(file, "; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""))


def _leaves(member: _Member, links: set[str]) -> bool:
    """Whether a member is a device, or may come outside of the folder, by its name or by a link."""
    if member.kind == "device" or not _is_inside(member.name, links):
        return True
    if member.kind == "hard link":
        return not _is_inside(member.target, links)
    if member.kind == "symbolic link":
        if posixpath.isabs(member.target):
            return True
        steps = [step for step in member.target.replace("\\", "/").split("/") if step not in ("", ".")]
        up = next((i for i, step in enumerate(steps) if step != ".."), len(steps))
        if ".." in steps[up:]:  # behind another link `..` may lead anywhere
            return True
        return not _is_inside(posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.target)), links)
    return False


def _is_inside(name: str, links: set[str]) -> bool:
    """Whether a path stays in its folder, and passes through no link on its way."""
    name = name.replace("\\", "/")
    path = posixpath.normpath(name)
    steps = path.split("/")
    if posixpath.isabs(name) or steps[0] == ".." or steps[0][1:] == ":" or "\0" in name:
        return False
    return not any("/".join(steps[:i]) in links for i in range(1, len(steps)))


def _move(arriving: pathlib.Path, folder: pathlib.Path) -> None:
    """Put unpacked files in their places."""
    if not folder.exists():
        os.replace(arriving, folder)
        return
    for root, folders, files in os.walk(arriving):
        place = folder / os.path.relpath(root, arriving)
        place.mkdir(exist_ok=True)
        for name in files + [each for each in folders if os.path.islink(os.path.join(root, each))]:
            if (place / name).is_dir() and not (place / name).is_symlink():
                shutil.rmtree(place / name)
            os.replace(os.path.join(root, name), place / name)


def _refused(file: pathlib.Path, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{str(file)!r} is not unpacked.",
            received=received,
            usually="a page or another format under this name, a download that was cut off, or a file made to harm.",
            write='fk.utils.get_file(origin=…, extract=True, file_hash="…", force_download=True)',
        )
    )
