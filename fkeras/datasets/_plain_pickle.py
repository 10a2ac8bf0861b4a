"""Pickles of numbers alone: lists, dicts, text and numpy's arrays. Reading one runs no code of the file's choice.

Where a pickle names a function of numpy, it gets one of this file's in its place, which keeps what it was told; the
arrays are made afterwards, from bytes whose number was compared with the shape.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeAlias

import numpy as np

from ..core import explain
from ..core.typing import Shaped

#: What such a pickle holds.
Plain: TypeAlias = "bool | int | float | str | bytes | list[Plain] | dict[object, Plain] | np.ndarray | None"


def read_plain(file: BinaryIO, encoding: str = "ASCII") -> Plain:
    """What a pickle of numbers holds.

    Args:
        file: it, open for reading bytes.
        encoding: of the text that Python 2 wrote; `"bytes"` leaves it as bytes.

    Raises:
        ValueError: it names anything but numpy's arrays, or is damaged.
    """
    try:
        return _made(_Unpickler(file, encoding=encoding).load())
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, TypeError, OverflowError) as error:
        text = error.args[0] if error.args else error
        raise ValueError(text if isinstance(error, _RefusedError) else f"a damaged pickle: {text}") from None


class _RefusedError(pickle.UnpicklingError):
    """A pickle that would run code."""


class _DType:
    """What a pickle says of a dtype."""

    def __init__(self, name: str | bytes, *rest: object) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else str(name)
        self.order = "="

    def __setstate__(self, state: Sequence[object]) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else str(state[1])
        self.order = "=" if order == "|" else order

    def made(self) -> np.dtype:
        """The dtype.

        Raises:
            ValueError: it is not one of numbers, text or objects.
        """
        found = np.dtype(self.name)
        if found.kind not in "biufSUO":
            raise ValueError(f"an array of {self.name!r}")
        return found.newbyteorder(self.order)  # type: ignore[arg-type]


class _Array:
    """What a pickle says of an array."""

    parts: tuple[Sequence[int], _DType, bool, bytes | list[object]] | None = None

    def __setstate__(self, state: Sequence[object]) -> None:
        _, *parts = state
        self.parts = tuple(parts)  # type: ignore[assignment]

    def made(self, objects: bool = True) -> Shaped[np.ndarray, "*shape"]:
        """The array.

        Args:
            objects: whether it may be one of lists; those in such an array may not.

        Raises:
            ValueError: the bytes are not as many as its shape says.
        """
        if self.parts is None or len(self.parts) != 4 or not isinstance(self.parts[1], _DType):
            raise ValueError("an array without its parts")
        shape, dtype, columns_first, data = tuple(self.parts[0]), self.parts[1].made(), self.parts[2], self.parts[3]
        count = math.prod(shape)
        if dtype.hasobject:
            if not objects or not isinstance(data, list) or len(data) != count:
                raise ValueError("an array of objects without them")
            array = np.empty(count, dtype=object)
            for place, entry in enumerate(data):
                array[place] = entry.made(objects=False) if isinstance(entry, _Array) else entry
        else:
            if isinstance(data, str):  # Python 2 wrote it
                data = data.encode("latin1")
            if not isinstance(data, bytes | bytearray) or len(data) != count * dtype.itemsize:
                raise ValueError(f"an array of shape {shape} without its bytes")
            array = np.frombuffer(bytes(data), dtype)
        return array.reshape(shape, order="F" if columns_first else "C").copy()


def _rebuilt(*told: object) -> _Array:
    return _Array()


def _of_buffer(data: bytes, dtype: _DType, shape: Sequence[int], order: str) -> _Array:
    array = _Array()
    array.parts = (shape, dtype, order == "F", data)
    return array


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, as Python 3 writes them for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise _RefusedError(f"text in {encoding!r}")
    return text.encode("latin1")


# What a pickle names, and what it gets.
_KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "ndarray"): _rebuilt,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _latin1,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _rebuilt for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _of_buffer for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows nothing but arrays."""

    def find_class(self, module: str, name: str) -> object:
        known = _KNOWN.get((module, name))
        if known is None:
            raise _RefusedError(
                explain(
                    f"The file names `{module}.{name}`, which no data set does; nothing of it was run.",
                    usually="a file made to harm, or another kind of pickle under this name.",
                )
            )
        return known


def _made(found: object) -> Plain:
    """The arrays of what was read: it is one, or a dict of some."""
    if isinstance(found, dict):
        return {key: value.made() if isinstance(value, _Array) else value for key, value in found.items()}
    return found.made() if isinstance(found, _Array) else found  # type: ignore[return-value]
