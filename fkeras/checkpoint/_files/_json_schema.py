"""What JSON from a file has to be: kinds of values, and one comparison that says where a value is of another kind.

A kind is a function `(value, at)` that raises `KindError`; `at` is the path of names that led to the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Path = tuple[str, ...]
Kind = Callable[[Any, Path], None]

INT32 = 2**31 - 1
# A dimension or a product of dimensions beyond this is no array's.
_MAX_SIZE = 1 << 48
_MAX_RANK = 32
# Names of classes, files, layers: far longer than any.
_MAX_TEXT = 10_000
# Lists and dicts within each other.
_DEPTH = 100


class KindError(ValueError):
    """A value of another kind than it has to be."""

    def __init__(self, at: Path, value: Any, expected: str) -> None:
        shown = repr(value) if isinstance(value, bool | int | float | str | None) else f"a {type(value).__name__}"
        place = "/".join(at)[:200]
        super().__init__(
            f"{place!r} is {shown[:80]}, and has to be {expected}" if at else f"{shown[:80]}, not {expected}"
        )


def whole(least: int = 0, most: int = INT32) -> Kind:
    """A whole number; `true` is none."""

    def check(value: Any, at: Path) -> None:
        if type(value) is not int or not least <= value <= most:
            raise KindError(at, value, f"a whole number from {least} to {most}")

    return check


def truth(value: Any, at: Path) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise KindError(at, value, "true or false")


def text(pattern: str = "", says: str = "a text") -> Kind:
    """A text that matches a pattern as a whole, if there is one."""

    def check(value: Any, at: Path) -> None:
        known = isinstance(value, str) and len(value) <= _MAX_TEXT and not re.search("[\ud800-\udfff]", value)
        if not known or (pattern and not re.fullmatch(pattern, value)):
            raise KindError(at, value, says)

    return check


def one_of(*known: Any) -> Kind:
    """One of some values."""

    def check(value: Any, at: Path) -> None:
        if not any(type(value) is type(k) and value == k for k in known):
            raise KindError(at, value, " or ".join(map(repr, known)))

    return check


def maybe(kind: Kind) -> Kind:
    """Null, or what else it is."""

    def check(value: Any, at: Path) -> None:
        if value is not None:
            kind(value, at)

    return check


def either(*kinds: Kind, says: str) -> Kind:
    """One of several kinds."""

    def check(value: Any, at: Path) -> None:
        for kind in kinds:
            try:
                return kind(value, at)
            except KindError:
                continue
        raise KindError(at, value, says)

    return check


def listed(kind: Kind, least: int = 0, most: int = 1 << 62) -> Kind:
    """A list of one kind."""

    def check(value: Any, at: Path) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise KindError(at, value, "a list" + (f" of {least} to {most}" if most < 1 << 62 else ""))
        for i, item in enumerate(value):
            kind(item, (*at, str(i)))

    return check


def row(*kinds: Kind) -> Kind:
    """A list of so many, each of its own kind."""

    def check(value: Any, at: Path) -> None:
        if not isinstance(value, list) or len(value) != len(kinds):
            raise KindError(at, value, f"a list of {len(kinds)}")
        for i, (item, kind) in enumerate(zip(value, kinds, strict=True)):
            kind(item, (*at, str(i)))

    return check


def named(kind: Kind, name: Kind | None = None) -> Kind:
    """A dict of one kind, and what its names are."""

    def check(value: Any, at: Path) -> None:
        if not isinstance(value, Mapping):
            raise KindError(at, value, "a dict")
        for key, item in value.items():
            if name is not None:
                name(key, at)
            kind(item, (*at, str(key)))

    return check


def record(fields: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None) -> Kind:
    """A dict with these fields; what else it has is of a later version, and not looked at."""

    def check(value: Any, at: Path) -> None:
        if not isinstance(value, Mapping):
            raise KindError(at, value, "a dict")
        for key, kind in {**fields, **(optional or {})}.items():
            if key in value:
                kind(value[key], (*at, key))
            elif key in fields:
                raise KindError(at, sorted(map(str, value))[:20], f"a dict with {key!r}")

    return check


def anything(value: Any, at: Path) -> None:
    """What somebody else looks at."""


# ------------------------------------------------------------------ arrays
SHA256 = text("[0-9a-f]{64}", "a SHA-256 in 64 digits")
# Paths stay within their directory.
INSIDE = text(r"(?!/)(?!.*//)(?!(.*/)?\.{1,2}(/.*)?$)[^\0]+(?<!/)", "a path that stays in its directory")


def dtype(value: Any, at: Path) -> None:
    """The name of a dtype of numbers."""
    try:
        known = isinstance(value, str) and (value == "bool" or jnp.issubdtype(jnp.dtype(value), jnp.number))
    except TypeError:
        known = False
    if not known:
        raise KindError(at, value, "the name of a dtype")


def shape(value: Any, at: Path) -> None:
    """The sizes of an array that can be."""
    listed(whole(0, _MAX_SIZE), 0, _MAX_RANK)(value, at)
    if np.prod([max(d, 1) for d in value], dtype=object) > _MAX_SIZE:
        raise KindError(at, str(value), "the shape of an array")


def random_key(impl: Any, shape: Sequence[int], dtype: str, at: Path) -> None:
    """A kind of random numbers, with raw keys of the form that it has."""
    try:
        if isinstance(impl, str):
            raw = jax.ShapeDtypeStruct(tuple(shape), jnp.dtype(dtype))
            jax.eval_shape(lambda data: jax.random.wrap_key_data(data, impl=impl), raw)
            return
    except (ValueError, TypeError):
        pass
    raise KindError(at, impl, f"a kind of random keys whose raw form is {dtype}{list(shape)}")


def array(value: Any, at: Path) -> None:
    """What is said of an array."""
    record({"shape": shape, "dtype": dtype, "sha256": SHA256})(value, at)
    if "prng_impl" in value:
        random_key(value["prng_impl"], value["shape"], value["dtype"], (*at, "prng_impl"))


def example(value: Any, at: Path) -> None:
    """An example input: shapes and dtypes in lists and dicts."""
    if len(at) > _DEPTH:
        raise KindError(at[:5], "lists in lists", "an example input")
    if isinstance(value, Mapping) and set(value) == {"shape", "dtype"}:
        shape(value["shape"], (*at, "shape"))
        dtype(value["dtype"], (*at, "dtype"))
    elif isinstance(value, Mapping):
        named(example)(value, at)
    else:
        listed(example)(value, at)
