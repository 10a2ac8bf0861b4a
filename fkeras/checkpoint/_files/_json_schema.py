"""What JSON from a file has to be: kinds of values, and an error that says where a value is of another kind.

A kind is a function `(value, at)` that raises `KindError`; `at` is the path of names that led to the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

#: The names that led to a value.
Path: TypeAlias = tuple[str, ...]
#: What a value has to be.
Kind: TypeAlias = Callable[[object, Path], None]

INT32 = 2**31 - 1
# The longest text; names of classes, files and layers are far shorter.
_MAX_TEXT = 10_000


class KindError(ValueError):
    """A value of another kind than it has to be."""

    def __init__(self, at: Path, value: object, expected: str) -> None:
        shown = repr(value) if isinstance(value, bool | int | float | str | None) else f"a {type(value).__name__}"
        place = "/".join(at)[:200]
        super().__init__(
            f"{place!r} is {shown[:80]}, and has to be {expected}" if at else f"{shown[:80]}, not {expected}"
        )


def whole(least: int = 0, most: int = INT32) -> Kind:
    """A whole number; `true` is none."""

    def check(value: object, at: Path) -> None:
        if type(value) is not int or not least <= value <= most:
            raise KindError(at, value, f"a whole number from {least} to {most}")

    return check


def truth(value: object, at: Path) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise KindError(at, value, "true or false")


def text(pattern: str = "", says: str = "a text") -> Kind:
    """A text that matches a pattern as a whole, if there is one."""

    def check(value: object, at: Path) -> None:
        if not isinstance(value, str) or len(value) > _MAX_TEXT or re.search("[\ud800-\udfff]", value):
            raise KindError(at, value, says)
        if pattern and not re.fullmatch(pattern, value):
            raise KindError(at, value, says)

    return check


def one_of(*allowed: object) -> Kind:
    """One of some values."""

    def check(value: object, at: Path) -> None:
        if not any(type(value) is type(a) and value == a for a in allowed):
            raise KindError(at, value, " or ".join(map(repr, allowed)))

    return check


def maybe(kind: Kind) -> Kind:
    """Null, or what else it is."""

    def check(value: object, at: Path) -> None:
        if value is not None:
            kind(value, at)

    return check


def either(*kinds: Kind, says: str) -> Kind:
    """One of several kinds."""

    def check(value: object, at: Path) -> None:
        for kind in kinds:
            try:
                return kind(value, at)
            except KindError:
                continue
        raise KindError(at, value, says)

    return check


def listed(kind: Kind, least: int = 0, most: int = 1 << 62) -> Kind:
    """A list of one kind."""

    def check(value: object, at: Path) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise KindError(at, value, "a list" + (f" of {least} to {most}" if most < 1 << 62 else ""))
        for i, item in enumerate(value):
            kind(item, (*at, str(i)))

    return check


def row(*kinds: Kind) -> Kind:
    """A list with one item of each kind, in order."""

    def check(value: object, at: Path) -> None:
        if not isinstance(value, list) or len(value) != len(kinds):
            raise KindError(at, value, f"a list of {len(kinds)}")
        for i, (item, kind) in enumerate(zip(value, kinds, strict=True)):
            kind(item, (*at, str(i)))

    return check


def named(kind: Kind, name: Kind | None = None) -> Kind:
    """A dict whose values are of one kind, and whose keys of another if one is given."""

    def check(value: object, at: Path) -> None:
        if not isinstance(value, Mapping):
            raise KindError(at, value, "a dict")
        for key, item in value.items():
            if name is not None:
                name(key, at)
            kind(item, (*at, str(key)))

    return check


def record(fields: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None) -> Kind:
    """A dict with these fields; others, of a later version, are not checked."""

    def check(value: object, at: Path) -> None:
        if not isinstance(value, Mapping):
            raise KindError(at, value, "a dict")
        for key, kind in {**fields, **(optional or {})}.items():
            if key in value:
                kind(value[key], (*at, key))
            elif key in fields:
                raise KindError(at, sorted(map(str, value))[:20], f"a dict with {key!r}")

    return check


def anything(value: object, at: Path) -> None:
    """Any value: another reader checks it."""
