"""Where lines run between two layers: down, across on a track of their own, and down again.

Lines that do not cross as a whole do not cross on their way either, if the tracks are in the right order: of two that
go to the right the left one runs lower, and of two that go to the left the right one does. What leaves from one point
shares a track.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Way(NamedTuple):
    """A line between two layers.

    Attributes:
        start, end: where it leaves and ends, from left to right.
        source: what it leaves from; lines of one source may lie on each other.
    """

    start: float
    end: float
    source: Hashable


def tracks(ways: Sequence[Way]) -> list[int]:
    """The track of each line, from 0 at the top; -1 for one that runs straight down.

    >>> tracks([Way(0, 20, "a"), Way(10, 30, "b"), Way(50, 50, "c")])
    [1, 0, -1]
    """
    groups: dict[Hashable, list[int]] = {}
    for i, way in enumerate(ways):
        if abs(way.start - way.end) > 0.01:
            groups.setdefault(way.source, []).append(i)
    keys = list(groups)
    spans = {key: _span([ways[i] for i in groups[key]]) for key in keys}
    below: dict[Hashable, set[Hashable]] = {key: set() for key in keys}
    for i, a in enumerate(keys):
        for b in keys[i + 1 :]:
            if spans[a][0] < spans[b][1] + 1 and spans[b][0] < spans[a][1] + 1:
                lower, upper = (a, b) if _runs_lower(ways, groups[a], groups[b]) else (b, a)
                below[upper].add(lower)
    level = _levels(keys, below)
    found = [-1] * len(ways)
    for key in keys:
        for i in groups[key]:
            found[i] = level[key]
    return found


def _span(ways: Sequence[Way]) -> tuple[float, float]:
    ends = [end for way in ways for end in (way.start, way.end)]
    return min(ends), max(ends)


def _runs_lower(ways: Sequence[Way], a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether fewer lines cross when those of `a` run below those of `b`."""
    lower = sum(_cross(ways[i], ways[j]) for i in a for j in b)
    upper = sum(_cross(ways[j], ways[i]) for i in a for j in b)
    return lower < upper or (lower == upper and ways[a[0]].start < ways[b[0]].start)


def _cross(lower: Way, upper: Way) -> int:
    """How often two lines meet, when the first runs across below the second."""

    def inside(x: float, way: Way) -> bool:
        return min(way.start, way.end) - 0.01 <= x <= max(way.start, way.end) + 0.01

    return int(inside(upper.end, lower)) + int(inside(lower.start, upper))


def _levels(keys: Sequence[Hashable], below: dict[Hashable, set[Hashable]]) -> dict[Hashable, int]:
    """A level for each group, below those that it has to be below; where they go round in a circle, one gives way."""
    level = dict.fromkeys(keys, 0)
    waiting = {key: sum(key in below[other] for other in keys) for key in keys}
    left = list(keys)
    while left:
        key = min(left, key=lambda k: (waiting[k] > 0, waiting[k], keys.index(k)))
        left.remove(key)
        for other in below[key]:
            if other in left:
                waiting[other] -= 1
                level[other] = max(level[other], level[key] + 1)
    return level
