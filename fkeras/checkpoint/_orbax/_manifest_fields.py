"""What each kind of manifest has to say, name by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._files._array_schema import INSIDE, SHA256, array, dtype, example
from .._files._json_schema import (
    Kind,
    KindError,
    Path,
    anything,
    either,
    listed,
    maybe,
    named,
    one_of,
    record,
    row,
    text,
    truth,
    whole,
)
from .._files._run_value_schema import PAIR, encoded

_BYTES = whole(0, 1 << 62)
_HASH = either(one_of(""), SHA256, says="a SHA-256, or empty")
_FILES = named(row(_BYTES, _HASH), INSIDE)
_CONFIG = named(anything)

# What every manifest says, whatever its kind.
COMMON = record(
    {"format": one_of("fkeras"), "version": whole(1), "kind": text(), "arrays": named(array, INSIDE)},
    {"containers": named(text())},
)


# ------------------------------------------------------------------ where a run is
_NUMBER = either(whole(), record({"scalar": row(text(), whole())}), says="a whole number, not negative")
_ENCODED_DICT = record({"dict": listed(PAIR)})
_RUN = {"epoch": _NUMBER, "done": _NUMBER, "total": _NUMBER, "began_at": _NUMBER, "stopped": truth}


_CALLBACK = record({"list": row(text(), truth)})
_ASKED = {
    "arguments": _ENCODED_DICT, "data": text(), "validates": truth, "validation": text(),
    "callbacks": record({"list": listed(_CALLBACK)}), "since": _NUMBER,
}  # fmt: skip
_PAIRS = record({"numpy": row(one_of("int64"), row(whole(), whole(2, 2)), text())})


def _asked(value: Any, at: Path) -> None:
    """What the call of `fit` was asked for; empty of a run that does not say."""
    _ENCODED_DICT(value, at)
    if value["dict"]:
        record(_ASKED, {"settings": record({"list": listed(text())})})(dict(value["dict"]), at)


def _digests(value: Any, at: Path) -> None:
    """Pairs of a step and a digest."""
    encoded(value, at)
    _PAIRS(value, at)


def run(value: Any, at: Path) -> None:
    """Where a run is: a dict as `RunValues` writes it, whose counts are whole numbers."""
    _ENCODED_DICT(value, at)
    said = dict(value["dict"])
    kept = {"logs": _ENCODED_DICT, "history": _ENCODED_DICT, "epochs": record({"list": listed(encoded)})}
    record({**_RUN, **kept}, {"begun": truth, "asked": _asked, "digests": _digests})(said, at)
    if "state" in said or len(said) != len(value["dict"]):
        raise KindError((*at, "state"), None, "no part of it")


# What the bits of a run follow from beside its arguments.
_CONDITIONS = record({}, {
    "platform": text(), "device": text(), "devices": whole(1), "jax": text(), "jaxlib": text(),
    "matmul_precision": maybe(text()), "x64": truth, "deterministic": text(),
    "processes": whole(1), "mesh": text(), "layout": text(),
})  # fmt: skip


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
        {"files": _FILES, "run": run, "memory": listed(encoded), "fields": _CONFIG, "conditions": _CONDITIONS},
    ),
    "exported": _exported,
}
