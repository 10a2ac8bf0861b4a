"""What JSON from a file has to be where it holds a value as `RunValues` writes it."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._array_schema import dtype, shape
from ._json_schema import Kind, KindError, Path, listed, row, text

# How deep lists and dicts may nest.
_MAX_DEPTH = 100


def encoded(value: object, at: Path) -> None:
    """A value as `RunValues` writes it: plain JSON, or a dict of one word that says what it is."""
    if len(at) > _MAX_DEPTH:
        raise KindError(at[:5], "lists in lists", "a value that a run keeps")
    if value is None or isinstance(value, bool | int | str):
        return
    if not isinstance(value, Mapping) or len(value) != 1 or (word := next(iter(value))) not in _WORDS:
        raise KindError(at, value, "a value that a run keeps")
    _WORDS[word](value[word], (*at, word))


def _float(value: Any, at: Path) -> None:
    try:
        float.fromhex(value)
    except (TypeError, ValueError, OverflowError):
        raise KindError(at, value, "a number in hexadecimal") from None


def _bytes(value: Any, at: Path) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise KindError(at, value, "bytes in base 64") from None


def _scalar(value: Any, at: Path) -> None:
    row(text(), encoded)(value, at)
    try:
        np.dtype(value[0]).type(_plain(value[1]))
    except (TypeError, ValueError, OverflowError):
        raise KindError(at, str(value), "a dtype and a number of it") from None


def _plain(value: Any) -> Any:
    return float.fromhex(value["float"]) if isinstance(value, Mapping) and "float" in value else value


def _numpy(value: Any, at: Path) -> None:
    row(dtype, shape, _bytes)(value, at)
    if np.dtype(value[0]).itemsize * math.prod(value[1]) != len(base64.b64decode(value[2])):
        raise KindError(at, value[1], "as many numbers as the shape has")


PAIR = row(text(), encoded)
_WORDS: dict[str, Kind] = {
    "float": _float,
    "scalar": _scalar,
    "bytes": _bytes,
    "numpy": _numpy,
    "array": text(),
    "dict": listed(PAIR),
    "list": listed(encoded),
    "tuple": listed(encoded),
}
