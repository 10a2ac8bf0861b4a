"""Time several ways of doing one thing, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


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


class Slope(NamedTuple):
    """What `run(epochs)` takes.

    Attributes:
        epoch: seconds of one epoch more.
        call: seconds of a call beside its epochs.
    """

    epoch: float
    call: float


def slopes(
    ways: Mapping[str, Callable[[int], Any]], short: int, long: int, rounds: int, enough: float = 2.0
) -> dict[str, Slope]:
    """The seconds of calls with few epochs and with many, in turns, taken apart into what a call costs and an epoch.

    Args:
        ways: what to call with a number of epochs, by name. Each is called twice before, to compile.
        short, long: how many epochs.
        rounds: how often both are timed; at least twice.
        enough: seconds after which no further round begins.

    >>> found = slopes({"it": lambda epochs: time.sleep(0.002 * epochs + 0.004)}, 1, 5, rounds=3)
    >>> found["it"].epoch < 0.02 and found["it"].call > 0
    True
    """
    for run in ways.values():
        run(short), run(long)
    began, seconds = time.perf_counter(), {(who, epochs): [] for who in ways for epochs in (short, long)}
    for turn in range(max(rounds, 2)):
        if turn >= 2 and time.perf_counter() - began > enough:
            break
        for (who, epochs), times in list(seconds.items())[:: -1 if turn % 2 else 1]:
            start = time.perf_counter()
            ways[who](epochs)
            times.append(time.perf_counter() - start)

    def of(who: str) -> Slope:
        few, many = (statistics.median(seconds[who, epochs]) for epochs in (short, long))
        epoch = (many - few) / (long - short)
        return Slope(epoch, few - short * epoch)

    return {who: of(who) for who in ways}


def slope(run: Callable[[int], Any], short: int, long: int, rounds: int, enough: float = 2.0) -> Slope:
    """`slopes` of one way."""
    return slopes({"it": run}, short, long, rounds, enough)["it"]


def median_of(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each number over the rounds.

    >>> median_of([{"a": 1}, {"a": 2}, {"a": 9}])
    {'a': 2}
    """
    return {name: statistics.median(one[name] for one in found) for name in found[0]}
