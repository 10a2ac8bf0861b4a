"""A bar for loops of one's own, with Keras's arguments and text."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

import numpy as np

from ..core import explain
from ..core.typing import ArrayLike

_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"

Values = Iterable[tuple[str, ArrayLike]]


class Progbar:
    """A bar that is drawn as the steps of a loop are made, with Keras's text.

    It is no part of a model or of a run, and counts what it is told: `fit` shows its own progress.

    Args:
        target: how many steps there will be; `None` where that is not known.
        width: characters of the bar.
        verbose: 0 for nothing, 1 for a bar, 2 for one line at the end.
        interval: seconds between two drawings, at least.
        stateful_metrics: names of numbers that are shown as they come; of the others the mean is shown.
        stateless_metrics: names of numbers whose mean is shown; the others are shown as they come.
        unit_name: what is counted.

    Raises:
        ValueError: both lists of names; a `verbose` that is none of the three.

    >>> bar = Progbar(2, width=4, verbose=2)
    >>> bar.update(1, [("loss", 0.5)])
    >>> bar.update(2, [("loss", 0.25)]) # doctest: +ELLIPSIS
    2/2 - 0s - ...s/step - loss: 0.2500

    Reference: https://keras.io/api/utils/python_utils/
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                explain(
                    "Progbar takes the names that are shown as they come, or those whose mean is shown.",
                    received=f"stateful_metrics={stateful_metrics!r}, stateless_metrics={stateless_metrics!r}",
                    write='fk.utils.Progbar(100, stateful_metrics=["learning_rate"])',
                )
            )
        if verbose not in (0, 1, 2):
            raise ValueError(
                explain(
                    "Progbar: `verbose` is 0, 1 or 2.",
                    received=repr(verbose),
                    usually='"auto" is an argument of fit.',
                    write="verbose=1",
                )
            )
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateless_metrics is not None else set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[ArrayLike, int]] = {}
        self._done, self._drawn_width = 0, 0
        self._start = time.monotonic()
        self._first_step_at: float | None = None
        self._drawn_at = -float("inf")

    def update(self, current: int, values: Values | None = None, finalize: bool | None = None) -> None:
        """Draw the bar, where it is time to.

        Args:
            current: how many steps were made.
            values: `(name, number)` of the steps since the last call.
            finalize: whether this is the last call; `None` takes `current >= target`.
        """
        last = self.target is not None and current >= self.target if finalize is None else finalize
        for name, value in values or ():
            self._take(name, value, max(current - self._done, 1), last)
        self._done = current
        now = time.monotonic()
        each = self._each(current, now)
        if self.verbose == 1 and (last or now - self._drawn_at >= self.interval):
            self._draw(current, now, each, last)
            self._drawn_at = now
        elif self.verbose == 2 and last and self.target:
            head = f"{current:>{len(str(self.target))}}/{self.target} - {now - self._start:.0f}s"
            _print(f"{head} -{_per_unit(each, self.unit_name)}{self._numbers()}\n")

    def add(self, n: int, values: Values | None = None) -> None:
        """`update` by so many steps more.

        Args:
            n: steps since the last call.
            values: `(name, number)` of these steps.
        """
        self.update(self._done + n, values)

    def _take(self, name: str, value: ArrayLike, steps: int, last: bool) -> None:
        as_it_comes, means = self.stateful_metrics, self.stateless_metrics
        is_mean = name in means if means is not None else name not in (as_it_comes or ())
        if not is_mean or last:  # the last numbers of an epoch are its means
            self._sums[name] = (value, 1)
        else:
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value * steps, count + steps)

    def _draw(self, current: int, now: float, each: float, last: bool) -> None:
        start = "\b" * self._drawn_width + "\r" if _is_drawn_again() else "\n"
        count, done, rest = f"{current:>7}/Unknown", "", ""
        if self.target:
            count = f"{current:>{len(str(self.target))}}/{self.target}"
            filled = int(self.width * (current / self.target))
            done, rest = "━" * filled, "━" * (self.width - filled)
        seconds = f"{now - self._start:.0f}s"
        if self.target and not last:
            seconds = _until_end(each * (self.target - current))
        after = f"{_per_unit(each, self.unit_name)}{self._numbers()}"
        line = f" {_BOLD}{seconds}{_PLAIN}{after}"
        if self.target:
            head = f"{_BOLD}{count}{_PLAIN} " + (f"{_GREEN}{done}{_PLAIN}" if done else "")
            line = f"{head}{_WHITE}{rest}{_PLAIN}{line}"
        else:
            line = f"{count}{line}"
        width = len(count) + (1 + len(done) + len(rest) if self.target else 0) + 1 + len(seconds) + len(after)
        _print(start + line + " " * (self._drawn_width - width) + "\n" * last)
        self._drawn_width = width

    def _numbers(self) -> str:
        means = {name: float(np.mean(np.asarray(total))) / count for name, (total, count) in self._sums.items()}
        # In the one line Keras writes numbers below zero with an exponent, large ones too.
        sizes = {name: abs(mean) if self.verbose == 1 else mean for name, mean in means.items()}
        return "".join(
            f" - {name}: {mean:.4f}" if sizes[name] > 1e-3 else f" - {name}: {mean:.4e}" for name, mean in means.items()
        )

    def _each(self, current: int, now: float) -> float:
        """Seconds a step: without the first one, which is compiled, where there are others."""
        if not current:
            return 0.0
        if self._first_step_at is not None and current > 1:
            return (now - self._first_step_at) / (current - 1)
        if current == 1:
            self._first_step_at = now
        return (now - self._start) / current


def _until_end(seconds: float) -> str:
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if seconds > 60 else f"{whole}s"


def _per_unit(each: float, unit: str) -> str:
    if each >= 1 or each == 0:
        return f" {each:.0f}s/{unit}"
    return f" {each * 1e3:.0f}ms/{unit}" if each >= 1e-3 else f" {each * 1e6:.0f}us/{unit}"


def _is_drawn_again() -> bool:
    """Whether a line can be drawn over the last one; Keras takes every system but Windows for one where it can."""
    notebook = "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ
    return os.name == "posix" or notebook or sys.stdout.isatty()


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:  # a terminal without the bar's character
        sys.stdout.write(text.replace("━", "="))
    sys.stdout.flush()
