"""Paths of files as users give them: what is no path is answered in words, and a link is followed."""

from __future__ import annotations

import os
import pathlib

from ._array_errors import describe
from ._errors import explain
from ._given_instead import holds_weights


def as_path(given: object, owner: str, write: str = '"runs/model"') -> str:
    """A path as text.

    Args:
        given: a string, or an `os.PathLike`.
        owner: what needs the path.
        write: a path that would do.

    Returns:
        The path as text.

    Raises:
        TypeError: something else.
        ValueError: a string that names no place.

    >>> as_path(pathlib.PurePosixPath("a/b.keras"), "model.save")
    'a/b.keras'
    """
    try:
        text: object = os.fspath(given)  # type: ignore[call-overload]
    except TypeError:
        text = None
    if not isinstance(text, str):
        usually = {
            bytes: "a path from a library that speaks bytes; os.fsdecode(path) makes it text.",
            int: "an open file's number; files are named here.",
            type(None): "a variable that was never set, such as an environment variable that is not there.",
        }.get(type(given if text is None else text), "the arguments are in another order.")
        if holds_weights(given):
            usually, write = "the path comes first.", f"{owner}(path, variables)"
        raise TypeError(
            explain(
                f"{owner} needs a path, a string or an os.PathLike.",
                received=describe(given) if holds_weights(given) else f"{given!r:.80}, a {type(given).__name__}",
                usually=usually,
                write=write,
            )
        )
    if not text.strip() or "\0" in text:
        raise ValueError(
            explain(
                f"{owner} needs a path that names a place.",
                received=repr(text),
                usually="a variable that is empty." if not text.strip() else "bytes that were read as text.",
                write=write,
            )
        )
    return text


def to_read(given: object, owner: str, write: str = '"runs/model"') -> str:
    """A path as text, for something that is read; whether anything is there is its reader's to say.

    Raises:
        TypeError, ValueError: no path.
        OSError: a path that leads nowhere.
    """
    text = as_path(given, owner, write)
    follow(text, owner)
    return text


def follow(given: object, owner: str) -> pathlib.Path:
    """Where a path leads, every link followed: what is written there takes the place of a link's target, never of the
    link. Nothing need be there yet.

    Raises:
        TypeError, ValueError: no path.
        OSError: a path that leads nowhere: a loop of links, a file where a directory must be.
    """
    path = os.path.abspath(as_path(given, owner))
    try:
        os.stat(path)
    except FileNotFoundError:
        pass
    except UnicodeError as error:
        raise ValueError(explain(f"{owner} needs a path that names a place.", received=str(error))) from None
    except OSError as error:
        usually = {
            NotADirectoryError: "a part of the path is a file, where a directory must be.",
            PermissionError: "the directory belongs to somebody else.",
        }.get(type(error), "links that lead to each other, or a name that is too long.")
        raise type(error)(
            explain(f"{owner}: {path!r} leads nowhere.", received=str(error.strerror), usually=usually)
        ) from None
    return pathlib.Path(os.path.realpath(path))


def check_room(given: object, owner: str, directory: bool) -> pathlib.Path:
    """Where a path leads, if a file or a directory can be made there, or is there to be replaced.

    Raises:
        TypeError, ValueError: no path.
        OSError: what is there is of another kind, or nothing can be written there.
    """
    target = follow(given, owner)
    if target.exists() and target.is_dir() != directory:
        wanted, found = ("directory", "file") if directory else ("file", "directory")
        raise (NotADirectoryError if directory else IsADirectoryError)(
            explain(
                f"{owner} makes a {wanted}, and {str(target)!r} is a {found}.",
                usually="a wrong path." if directory else "the name of a file is missing.",
                write="a path that does not exist yet",
            )
        )
    nearest = target if directory else target.parent
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(
            explain(
                f"{owner} cannot write at {str(target)!r}.",
                received=f"{str(nearest)!r} is {'read-only' if nearest.is_dir() else 'a file'}",
                usually="a wrong path, or a disk that was mounted for reading.",
            )
        )
    return target
