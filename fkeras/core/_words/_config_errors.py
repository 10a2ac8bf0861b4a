"""Where in a config something is wrong, and the one boundary at which it is said."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ._errors import Explanation, explain, explanation_of

# So much of each part of a message is shown, in all and of each line: a config may hold text of any length.
_LONGEST_PART, _LONGEST_LINE = 1_000, 600


class at:  # noqa: N801 - reads as a word: `with at("layers", name): ...`
    """Notes on an error that passes through which part of a config was read; changes nothing else of it.

    >>> try:
    ...     with at("layers", "dense"), at("units"):
    ...         int("many")
    ... except ValueError as error:
    ...     place_of(error)
    'layers/dense/units'
    """

    __slots__ = ("keys",)

    def __init__(self, *keys: object) -> None:
        self.keys = keys

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            error.config_place = (*self.keys, *getattr(error, "config_place", ()))  # type: ignore[attr-defined]


def place_of(error: BaseException) -> str:
    """Where in the config an error came up; empty where nothing was noted."""
    return "/".join(str(key)[:80] for key in getattr(error, "config_place", ()))[:400]


@contextlib.contextmanager
def described(what: object, passing: tuple[type[Exception], ...] = (FileNotFoundError, ImportError)) -> Iterator[None]:
    """Errors of making something from the config in `what`, as a ValueError that says where and what.

    An error of fkeras's own keeps its words and is told the place; any other is put into words here, whatever its type:
    a config is data from outside, and no data ends in a bare KeyError, or in a message of a library that read it.

    Args:
        what: the file.
        passing: errors that pass as they are: a file that is not there and a package that is missing are said in words
            where they are raised.

    Returns:
        A context, for the lines that make it.

    Raises:
        ValueError: from the error that was raised.
    """
    try:
        yield
    except passing:
        raise
    except Exception as error:
        if getattr(error, "config_is_described", False):
            raise
        made = ValueError(_words(error, str(what)))
        made.config_is_described = True  # type: ignore[attr-defined]
        raise made from error


def _words(error: Exception, what: str) -> Explanation:
    place, said = place_of(error), explanation_of(error)
    if said is not None:
        where = [repr(what)] * (what not in said) + [f"at {place}"] * bool(place)
        shown = {name: _shortened(getattr(said, name)) for name in ("wrong", "received", "usually", "write")}
        return said.with_parts(**shown, place=", ".join(where))
    text = str(error).strip()
    first = text.splitlines()[0][:200] if text else ""
    return explain(
        f"The model in {what!r} cannot be built from its config{f', at {place}' if place else ''}.",
        received=f"nothing under {first}" if isinstance(error, KeyError) else f"{type(error).__name__}: {first}",
        usually="the file is damaged or was edited, or a class of your own raised it.",
        write="a file that model.save wrote",
    )


def _shortened(text: str | None) -> str | None:
    return text and "\n".join(line[:_LONGEST_LINE] for line in text.splitlines())[:_LONGEST_PART]
