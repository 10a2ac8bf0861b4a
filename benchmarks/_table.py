"""What must hold of a figure's numbers, and the table that says whether it does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

HEAD = (
    "| figure | fkeras | peer | its value | ratio | bar | holds |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


class Bar(NamedTuple):
    """What must hold of a figure's numbers.

    Attributes:
        most: what `ours` over the best of `peers` must not exceed; without peers, what `ours` itself must not;
            `None` where it is only shown.
        peers: a pattern of names; those that were measured count.
        ours: the name of our number.
        unit: `s`, `B` (bytes) or nothing.
        what: what is measured, where the figure's name does not say it.
    """

    most: float | None
    peers: str = ""
    ours: str = "fkeras"
    unit: str = "s"
    what: str = ""


def rows_of(name: str, bars: Sequence[Bar], found: Mapping[str, float]) -> list[dict[str, Any]]:
    """Each bar of a figure with its ratio, or without peers its value; one that nothing was measured for says so.

    One that is only shown is left out where its peers were not measured.

    >>> row, = rows_of("fit", [Bar(2, "loop|scan")], {"fkeras": 3, "loop": 4, "scan": 2})
    >>> row["peer"], row["ratio"], row["holds"]
    ('scan', 1.5, True)
    >>> rows_of("fit", [Bar(2, "torch.*")], {"fkeras": 3})[0]["skipped"]
    'no torch.* was measured'
    """
    rows = []
    for bar in bars:
        row: dict[str, Any] = {"figure": f"{name}: {bar.what}" if bar.what else name, "unit": bar.unit, "bar": bar.most}
        known = {who: value for who, value in found.items() if re.fullmatch(bar.peers, who)}
        if bar.most is None and bar.peers and not known:  # a peer that is only shown where it is installed
            continue
        if bar.ours not in found or (bar.peers and not known):
            rows.append(row | {"skipped": f"no {bar.peers if bar.ours in found else bar.ours} was measured"})
            continue
        value = row["ours"] = row["ratio"] = found[bar.ours]
        if bar.peers:
            peer = min(known, key=lambda who: known[who])
            row |= {"peer": peer, "theirs": known[peer], "ratio": _over(value, known[peer])}
        rows.append(row | {"holds": None if bar.most is None else row["ratio"] <= bar.most})
    return rows


def _over(ours: float, theirs: float) -> float:
    # Both may be nothing: bytes that no step needs, or seconds that a clock does not see.
    return ours / theirs if theirs else math.inf if ours > 0 else 1.0


def shown(value: float, unit: str) -> str:
    """A value with its unit.

    >>> shown(2e-5, "s"), shown(3 * 2**20, "B"), shown(4, "")
    ('20.0 µs', '3.0 MB', '4')
    """
    if unit == "B":
        return f"{value / 2**20:.1f} MB" if abs(value) >= 2**20 else f"{value / 2**10:.1f} kB"
    if unit == "s":
        return f"{value * 1e6:.1f} µs" if value < 1e-3 else f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"
    return f"{value:g}"


def line(row: Mapping[str, Any]) -> str:
    """A row of the table."""
    if "error" in row:
        return f"| {row['figure']} | did not run: {row['error']} | | | | | **no** |"
    if "skipped" in row:
        return f"| {row['figure']} | not measured: {row['skipped']} | | | | | |"
    unit, with_peer = row["unit"], "peer" in row
    cells = (row["figure"], shown(row["ours"], unit), row["peer"] if with_peer else "",
             shown(row["theirs"], unit) if with_peer else "", f"{row['ratio']:.3f}" if with_peer else "",
             "" if row["bar"] is None else "≤ " + (f"{row['bar']:.3g}" if with_peer else shown(row["bar"], unit)),
             {None: "", True: "yes", False: "**no**"}[row["holds"]])  # fmt: skip
    return "| " + " | ".join(cells) + " |"
