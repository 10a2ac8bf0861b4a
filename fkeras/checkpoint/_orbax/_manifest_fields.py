"""What each kind of manifest says, name by name: the one place that knows."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._files._json_schema import (
    INSIDE,
    INT32,
    SHA256,
    Kind,
    KindError,
    Path,
    anything,
    array,
    dtype,
    either,
    example,
    listed,
    maybe,
    named,
    one_of,
    random_key,
    record,
    row,
    shape,
    text,
    truth,
    whole,
)

_DEPTH = 100
_BYTES = whole(0, 1 << 62)
_HASH = either(one_of(""), SHA256, says="a SHA-256, or empty")
_FILES = named(row(_BYTES, _HASH), INSIDE)
_CONFIG = named(anything)

# Of every manifest, whatever its kind.
COMMON = record(
    {"format": one_of("fkeras"), "version": whole(1), "kind": text(), "arrays": named(array, INSIDE)},
    {"containers": named(text())},
)


# ------------------------------------------------------------------ values that a run keeps
def encoded(value: Any, at: Path) -> None:
    """A value as a run writes it: JSON, or a dict of one word that says what it is."""
    if len(at) > _DEPTH:
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


_PAIR = row(text(), encoded)
_WORDS: dict[str, Kind] = {
    "float": _float,
    "scalar": _scalar,
    "bytes": _bytes,
    "numpy": _numpy,
    "array": text(),
    "dict": listed(_PAIR),
    "list": listed(encoded),
    "tuple": listed(encoded),
}
_NUMBER = either(whole(), record({"scalar": row(text(), whole())}), says="a whole number, not negative")
_RUN = {"epoch": _NUMBER, "done": _NUMBER, "total": _NUMBER, "began_at": _NUMBER, "stopped": truth}


def run(value: Any, at: Path) -> None:
    """Where a run is: a dict as a run writes it, with counts that are counts."""
    record({"dict": listed(_PAIR)})(value, at)
    said = dict(value["dict"])
    kept = {"logs": _mapping, "history": _mapping, "epochs": record({"list": listed(encoded)})}
    record({**_RUN, **kept}, {"begun": truth})(said, at)
    if "state" in said or len(said) != len(value["dict"]):
        raise KindError((*at, "state"), None, "no part of it")


_mapping = record({"dict": listed(_PAIR)})

# ------------------------------------------------------------------ programs
_SIZE = either(whole(0, 1 << 48), text(), says="a size, or the name of one that is open")
_ARGUMENT = record({"name": text(), "shape": listed(_SIZE, 0, 32), "dtype": dtype})
_FILE = record({"bytes": _BYTES, "sha256": SHA256})
_STABLEHLO = record({
    "exported": one_of("stablehlo"),
    "weights": one_of("embedded", "separate"),
    "vjp_order": whole(0, 1_000),
    "name": text(),
    "inputs": listed(_ARGUMENT),
    "outputs": listed(_ARGUMENT),
    "constraints": listed(text()),
    "platforms": listed(text(), 1, 16),
    "calling_convention": whole(),
    "versions": named(text()),
    "files": named(_FILE, INSIDE),
})  # fmt: skip


def _exported(value: Any, at: Path) -> None:
    record({"exported": text()})(value, at)
    if value["exported"] == "stablehlo":
        _STABLEHLO(value, at)


# ------------------------------------------------------------------ what a kind of manifest has beside
BY_KIND: Mapping[str, Kind] = {
    "weights": record({}, {"files": _FILES}),
    "model": record({"model": _CONFIG}, {"files": _FILES}),
    "trainer": record(
        {
            "model": maybe(_CONFIG),
            "compile_config": _CONFIG,
            "without_config": named(text()),
            "trainer_class": maybe(text()),
            "example": maybe(example),
        },
        {"files": _FILES, "run": run, "memory": listed(encoded), "fields": _CONFIG},
    ),
    "exported": _exported,
}


# ------------------------------------------------------------------ beside Keras's own part of a file
def _key(value: Any, at: Path) -> None:
    row(text(), listed(whole(0, 2**32 - 1), 1, 64))(value, at)
    random_key(value[0], (len(value[1]),), "uint32", at)


def _of_a_run(value: Any, at: Path) -> None:
    kinds = {"step": whole(0, INT32), "example": maybe(example), "trainer_class": maybe(text()), "fields": _CONFIG}
    record({}, kinds)(value, at)
    if "key" in value:
        record({"key": _key, "step": anything})(value, at)


METADATA = record({}, {"fkeras": _of_a_run})
TENSOR_NOTES = record({"version": whole(), "sha256": named(SHA256)}, {"escaped": truth})
SHARDS = record({"weight_map": named(either(text(), listed(text()), says="a file's name, or a list of them"))})
