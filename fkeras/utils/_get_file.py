"""`get_file`: a file of the network or of this machine, in Keras's cache."""

from __future__ import annotations

import os
import pathlib
import urllib.parse
import warnings
from collections.abc import Sequence

from ..core import explain
from ..core.typing import FilePath
from ._cache import fetch, has_digest, keras_home
from ._unpacking import unpack_archive

_FORMATS = ("tar", "zip")
_ALGORITHMS = ("auto", "sha256", "md5")


def get_file(
    fname: FilePath | None = None,
    origin: FilePath | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: FilePath = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: FilePath | None = None,
    force_download: bool = False,
) -> str:
    """A file in Keras's cache, fetched from an address if it is not there yet.

    It is read by the standard library, written under another name, checked and renamed, so that no half of a file is
    ever in its place; an archive is unpacked beside its folder and moved there.

    Args:
        fname: the file's name in the cache; the last part of the address by default. Of an archive that is unpacked:
            the folder's name, or, with a suffix, the archive's.
        origin: `https://`, `http://`, `ftp://`, `file://`, or a path of this machine.
        untar: an older word for `extract=True, archive_format="tar"`.
        md5_hash: an older word for `file_hash`.
        file_hash: the digest of the file, SHA-256 or MD5. A file in the cache with another one is fetched again, which
            a warning says.
        cache_subdir: the folder in the cache, or one at an absolute path.
        hash_algorithm: `"sha256"`, `"md5"` or `"auto"`, by the digest's length.
        extract: whether to unpack the file.
        archive_format: `"tar"` (of any compression), `"zip"`, several of them, or `"auto"`, both.
        cache_dir: the cache; `$KERAS_HOME` or `~/.keras` by default.
        force_download: whether to fetch a file that is there.

    Returns:
        The path of the file, or of the folder into which it was unpacked.

    Raises:
        ValueError: no origin, a name that is a path, other bytes than those of the digest, no archive, or one that
            would write outside of its folder.
        OSError: the address cannot be read, or the cache not be written.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = pathlib.Path(place, "words.txt").write_text("a b")
    ...     path = get_file(origin=f"file://{place}/words.txt", cache_dir=place)
    ...     pathlib.Path(path).relative_to(place).as_posix(), pathlib.Path(path).read_text()
    ('datasets/words.txt', 'a b')

    Reference: https://keras.io/api/utils/python_utils/
    Unlike Keras: an archive with a member outside of its folder is refused whole, and so is a file that is no archive
    (there a warning); a cache that cannot be written is an error (there `/tmp/.keras` takes its place).
    """
    if origin is None:
        raise _wrong("get_file needs an origin.", "origin=None", 'fk.utils.get_file("a.zip", origin="https://…/a.zip")')
    origin = os.fspath(origin)
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    if hash_algorithm not in _ALGORITHMS:
        raise _wrong(f"hash_algorithm is one of {_ALGORITHMS}.", repr(hash_algorithm), 'hash_algorithm="auto"')
    formats = _formats("tar" if untar else archive_format)
    folder = pathlib.Path(cache_dir or keras_home()).expanduser() / cache_subdir
    name = _name(fname, origin)
    file, unpacked = folder / name, None
    if extract or untar:
        has_suffix = fname is not None and "." in name
        unpacked = folder / (f"{name.partition('.')[0]}_extracted" if has_suffix else name)
        file = file if has_suffix else folder / f"{name}_archive"
    if force_download or not _is_there(file, file_hash, hash_algorithm):
        fetch(origin, file, file_hash, hash_algorithm)
    if unpacked is None:
        return str(file)
    unpack_archive(file, unpacked, formats)
    return str(unpacked)


def _is_there(file: pathlib.Path, digest: str | None, algorithm: str) -> bool:
    """Whether the cache has the file; one with another digest is not it."""
    if not file.exists():
        return False
    if digest is None or has_digest(file, digest, algorithm):
        return True
    warnings.warn(
        explain(
            "A file in the cache has another digest, and is fetched again.",
            received=f"{file}, which has not {digest}",
            usually="a download that was cut off, or a newer file at the address.",
            write="file_hash=None, to take it as it is",
        ),
        stacklevel=3,
    )
    return False


def _name(fname: FilePath | None, origin: str) -> str:
    """The name in the cache."""
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name or name in (".", ".."):
        raise _wrong("The address has no name for the file.", repr(origin), 'fk.utils.get_file("a.zip", origin=…)')
    if os.sep in name or "/" in name:
        raise _wrong("fname is a name, and no path.", repr(name), 'get_file("a.zip", origin=…, cache_dir="/data")')
    return name


def _formats(told: str | Sequence[str] | None) -> list[str]:
    formats = list(_FORMATS) if told == "auto" else [told] if isinstance(told, str) else list(told or ())
    unknown = [each for each in formats if each not in _FORMATS]
    if unknown:
        raise _wrong(f"archive_format is one of {_FORMATS} or 'auto'.", repr(told), 'archive_format="auto"')
    return formats


def _wrong(what: str, received: str, line: str) -> ValueError:
    return ValueError(explain(what, received=received, usually="an argument in another's place.", write=line))
