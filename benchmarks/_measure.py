"""Time several ways of doing one thing, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def interleaved(ways: Mapping[str, Callable[[], Any]], rounds: int, per: int = 1) -> dict[str, float]:
    """The median seconds of each way, taken in turns so that noise meets all of them alike.

    Every other round goes backwards, so that none always comes after the same other one, whose memory and threads it
    would find.

    Args:
        ways: what to call, by name. Each is called once before, to compile.
        rounds: how often each is timed.
        per: what to divide by: the steps that one call makes.

    >>> sorted(interleaved({"a": lambda: 1, "b": lambda: 2}, rounds=3))
    ['a', 'b']
    """
    for call in ways.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(rounds):
        for name, call in list(ways.items())[:: -1 if i % 2 else 1]:
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) / per for name, values in seconds.items()}


def median_of(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each number over the rounds.

    >>> median_of([{"a": 1}, {"a": 2}, {"a": 9}])
    {'a': 2}
    """
    return {name: statistics.median(one[name] for one in found) for name in found[0]}
