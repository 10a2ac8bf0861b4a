"""The progress of an epoch, an evaluation or a prediction, as Keras's line, drawn a few times a second."""

from __future__ import annotations

import time
from collections.abc import Sequence

import jax
import numpy as np

from ...core.typing import ArrayLike, Logs
from .._step._logs import in_order
from ._screen import Screen

# Seconds between two drawings; reading a number makes Python wait for the device.
_EVERY = 0.2
# How many characters a bar has.
_WIDTH = 20


class Progress:
    """One line for an epoch, an evaluation or a prediction.

    Args:
        screen: where it is shown.
        steps: how many steps there will be; `None` when unknown.
        title: what it is of.
        names: the order in which numbers are shown.
        done: how many of the steps were made before, by a run that was cut off.

    It is given the logs of the step *before* the one that runs, so that drawing never waits for the device.

    >>> from fkeras.train._loop._screen import Log
    >>> progress = Progress(Log(), 2, "Epoch 1/3")
    >>> progress.finish(2, {"loss": 0.5}) # doctest: +ELLIPSIS
    Epoch 1/3 - 2/2 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(
        self, screen: Screen, steps: int | None, title: str = "", names: Sequence[str] = ("loss",), done: int = 0
    ) -> None:
        self.screen, self.steps, self.title, self.names, self.begun = screen, steps, title, names, done
        self.started = self.drawn = time.monotonic()
        self.warm: tuple[float, int] | None = None  # when the first steps, which are compiled, had been dispatched
        self.ended: float | None = None
        self.seen: tuple[int, Logs] = (done, {})
        if title and not screen.silent and not screen.has_titles:
            screen.title(title)
        elif title and screen.live:
            screen.show(self._bar(self.started, done, {}, ""))

    def step(self, done: int, logs: Logs, note: str = "") -> None:
        """Draw when it is time to.

        Args:
            done: how many steps were made.
            logs: the numbers of the step before.
            note: what is done beside the steps.
        """
        if self.screen.silent:
            return
        now = time.monotonic()
        if self.warm is None:
            self.warm = (now, done)
        if now - self.drawn >= _EVERY and self.screen.live:
            self.drawn = now
            self.screen.show(self._bar(now, done, logs, note))
        self.seen = (done, logs)

    def part(self, name: str, steps: int | None) -> Part:
        """What comes after the steps and belongs to them, with steps of its own."""
        self.ended = time.monotonic()
        return Part(self, name, steps)

    def finish(self, done: int, logs: Logs) -> None:
        """The last line, with all numbers."""
        if self.screen.silent:
            return
        now = time.monotonic()
        self.steps = done
        if self.screen.live:
            self.screen.end(self._bar(now, done, logs, "", whole=True))
            return
        times = _duration(now - self.started), _per_step(self._each(now, done))
        head = [self.title] if self.title else []
        self.screen.end(" - ".join([*head, f"{done}/{done}", *times, *self._numbers(logs)]))

    def _bar(self, now: float, done: int, logs: Logs, note: str, whole: bool = False) -> str:
        """The line."""
        each = self._each(now, done)
        seconds = now - self.started
        if self.steps and done <= self.steps:
            filled, glyphs = _WIDTH * done // self.steps, self.screen.glyphs
            bar = glyphs[0] * filled + glyphs[1] * (_WIDTH - filled)
            head = f"{done:>{len(str(self.steps))}}/{self.steps} {bar}"
            seconds = seconds if whole or done == self.begun else each * (self.steps - done)
        else:
            head = f"{done}/Unknown"
        head = f"{self.title} {head}" if self.title and self.screen.has_titles else head
        head = f"{head} {_duration(seconds)}" + (f" {_per_step(each)}" if done > self.begun else "")
        return " - ".join([head, *([note] if note else []), *self._numbers(logs)])

    def _each(self, now: float, done: int) -> float:
        """Seconds a step: of those after the first ones, if there are any, and without what came after the steps."""
        now = now if self.ended is None else self.ended
        if self.warm is not None and done > self.warm[1]:
            return (now - self.warm[0]) / (done - self.warm[1])
        return (now - self.started) / max(done - self.begun, 1)

    def _numbers(self, logs: Logs) -> list[str]:
        logs = in_order(logs, self.names)
        return [f"{name}: {_shown(value)}" for name, value in zip(logs, jax.device_get([*logs.values()]), strict=True)]


class Part:
    """Steps that belong to an epoch and come after its own: a validation."""

    def __init__(self, whole: Progress, name: str, steps: int | None) -> None:
        self.whole, self.name, self.steps = whole, name, steps

    def step(self, done: int, logs: Logs) -> None:
        """Draw the whole's line when it is time to."""
        if self.whole.screen.live:
            of = "" if self.steps is None else f"/{self.steps}"
            self.whole.step(*self.whole.seen, note=f"{self.name} {done}{of}")

    def finish(self, done: int, logs: Logs) -> None:
        """Nothing: the whole's last line has the numbers."""


def _duration(seconds: float) -> str:
    """Seconds as Keras shows them.

    >>> _duration(3.2), _duration(83), _duration(4000)
    ('3s', '1:23', '1:06:40')
    """
    whole = round(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"


def _per_step(each: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if each * factor >= 1:
            return f"{each * factor:.0f}{unit}/step"
    return f"{each * 1e6:.0f}us/step"


def _shown(value: ArrayLike) -> str:
    array = np.asarray(value)
    if array.ndim:
        return " ".join(np.array2string(array, precision=4, threshold=8).split())
    number = float(array)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"
