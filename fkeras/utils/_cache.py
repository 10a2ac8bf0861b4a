"""Where Keras keeps what it downloaded, and how a file comes there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import pathlib
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import BinaryIO

from ..core import explain

_PIECE = 1 << 20
# What the standard library reads. `data:` is left out: it has no name.
_SCHEMES = ("http", "https", "ftp", "file")


def keras_home() -> pathlib.Path:
    """The folder of Keras's cache: `$KERAS_HOME`, `~/.keras` by default."""
    return pathlib.Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def has_digest(path: pathlib.Path, digest: str, algorithm: str = "auto") -> bool:
    """Whether a file's bytes have a digest; by `"auto"` one of 64 letters is SHA-256 and any other MD5, as in Keras."""
    long = algorithm == "sha256" or (algorithm == "auto" and len(digest) == 64)
    with path.open("rb") as stored:
        found = hashlib.file_digest(stored, hashlib.sha256 if long else lambda: hashlib.md5(usedforsecurity=False))
    return found.hexdigest() == digest.lower()


def fetch(origin: str, path: pathlib.Path, digest: str | None, algorithm: str = "auto") -> None:
    """Put what is at an address in its place, checked: it is written under another name first, and then renamed.

    Args:
        origin: an address, or a path of a file on this machine.
        path: the place.
        digest: of the bytes; `None` takes what comes.
        algorithm: of the digest.

    Raises:
        ValueError: other bytes than those of the digest, or an address that is none.
        OSError: the address cannot be read or broke off, or the place cannot be written.
    """
    address = _address(origin)
    arriving = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with _opened(arriving) as place:
            _copy(address, place.write)
        if digest is not None and not has_digest(arriving, digest, algorithm):
            raise ValueError(
                explain(
                    f"What came from {origin} is not what was published.",
                    received=f"other bytes than those of digest {digest}",
                    usually="a download that was cut off, a page of a proxy in its place, or an older digest.",
                    write=f"the same line once more; or the file by hand at {path}",
                )
            )
        os.replace(arriving, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            arriving.unlink()


def _opened(path: pathlib.Path) -> BinaryIO:
    """A new file.

    Raises:
        OSError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except OSError as error:
        raise type(error)(
            explain(
                "The folder for downloaded files cannot be written.",
                received=f"{path.parent}: {error.strerror}",
                usually="a home that is read-only, or another user's.",
                write='KERAS_HOME=/a/folder/of/yours in the environment, or cache_dir="/a/folder/of/yours"',
            )
        ) from None


def _address(origin: str) -> str:
    """An address that the standard library opens, of a path too."""
    scheme = urllib.parse.urlsplit(origin).scheme.lower()
    if scheme in _SCHEMES:
        return origin
    local = pathlib.Path(origin).expanduser()
    if local.is_file():
        return local.resolve().as_uri()
    raise ValueError(
        explain(
            "An origin is an address, or a file on this machine.",
            received=repr(origin),
            usually=f"an address without its beginning, or a file that is not there; {', '.join(_SCHEMES)} are read.",
            write='origin="https://…", or origin="/data/images.tar.gz"',
        )
    )


def _copy(address: str, write: Callable[[bytes], object]) -> None:
    """Read an address to its end.

    Raises:
        OSError: it cannot be read, or has fewer bytes than it said.
    """
    count = 0
    try:
        with urllib.request.urlopen(address) as source:
            said = getattr(source, "headers", None)
            while piece := source.read(_PIECE):
                count += len(piece)
                write(piece)
    except urllib.error.URLError as error:
        code = f"{error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        raise _unread(address, f"{code}{error.reason}") from None
    except http.client.HTTPException as error:
        raise _unread(address, repr(error)) from None
    length = said.get("Content-Length") if said else None
    if length is not None and length.isdigit() and int(length) != count:
        raise _unread(address, f"{count:,} of {int(length):,} bytes")


def _unread(address: str, received: str) -> OSError:
    return OSError(
        explain(
            f"{address} could not be read.",
            received=received,
            usually="no network here, or an address that has moved.",
            write='origin="file:///…", of a file that was fetched elsewhere',
        )
    )
