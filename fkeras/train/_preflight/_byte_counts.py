"""Numbers of bytes as people write them."""

from __future__ import annotations

import re

import jax

from ...core import explain

_UNITS = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_WRITE = 'trainer.preflight(memory="20GB"), a number of bytes, or "device"'


def as_bytes(given: object) -> int | None:
    """A number of bytes of `20_000_000_000`, `"20GB"`, `"16 GiB"`, or `"device"` for what the first device has.

    Raises:
        TypeError, ValueError: something else; a device that does not say what it has.

    >>> as_bytes("20GB"), as_bytes("1.5 GiB"), as_bytes(None)
    (20000000000, 1610612736, None)
    """
    if given is None:
        return None
    if given == "device":
        device = jax.local_devices()[0]
        limit = (device.memory_stats() or {}).get("bytes_limit")
        if limit is None:
            raise ValueError(
                explain(f"{device} does not say how much memory it has.", received=repr(given), write=_WRITE)
            )
        return int(limit)
    if isinstance(given, int | float) and not isinstance(given, bool) and given > 0:
        return int(given)
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]+)\s*", given) if isinstance(given, str) else None
    if found is None or found[2].lower() not in _UNITS:
        kind = ValueError if isinstance(given, str | int | float) else TypeError
        raise kind(
            explain(
                "memory= is a number of bytes.",
                received=repr(given)[:80],
                usually=f"an unknown unit; known are {', '.join(unit.upper() for unit in _UNITS)}, and GiB = 2**30.",
                write=_WRITE,
            )
        )
    return int(float(found[1]) * _UNITS[found[2].lower()])


def byte_text(count: float) -> str:
    """A number of bytes in the units of `as_bytes`.

    >>> byte_text(1500), byte_text(20_000_000_000)
    ('1.50 kB', '20.00 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1000
    return f"{count:.2f} TB"
