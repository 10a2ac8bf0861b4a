"""The progress bar: Keras's line, written a few times a second."""

from __future__ import annotations

import sys
import time

import jax
import numpy as np

from ...core.typing import ArrayLike, Logs

# Seconds between two drawings; reading a number makes Python wait for the device.
_EVERY = 0.2


class Progress:
    """One line for an epoch, an evaluation or a prediction.

    Args:
        steps: how many steps there will be; `None` when unknown.
        verbose: 0 is silent, 1 draws a bar, 2 prints one line at the end.

    It is given the logs of the step *before* the one that runs, so that drawing never waits for the device.
    """

    def __init__(self, steps: int | None, verbose: int) -> None:
        self.steps, self.verbose = steps, verbose
        self.started = self.drawn = time.monotonic()
        self.width = 0

    def step(self, done: int, logs: Logs) -> None:
        """Draw when it is time to."""
        if self.verbose != 1:
            return
        now = time.monotonic()
        if now - self.drawn >= _EVERY:
            self.drawn = now
            self._draw(done, logs, end="")

    def finish(self, done: int, logs: Logs) -> None:
        """The last line, with all numbers."""
        if self.verbose == 1:
            self._draw(done, logs, end="\n")
        elif self.verbose == 2:
            seconds = time.monotonic() - self.started
            print(f"{done}/{done} - {seconds:.0f}s - {_per_step(seconds, done)} - {_numbers(logs)}", flush=True)

    def _draw(self, done: int, logs: Logs, end: str) -> None:
        seconds = time.monotonic() - self.started
        if self.steps:
            filled = int(20 * done / self.steps)
            left = f" {seconds / max(done, 1) * (self.steps - done):.0f}s" if not end else f" {seconds:.0f}s"
            head = f"{done}/{self.steps} {'━' * filled}{'╌' * (20 - filled)}{left}"
        else:
            head = f"{done}/Unknown {seconds:.0f}s"
        line = f"{head} {_per_step(seconds, done)} - {_numbers(logs)}"
        pad = " " * max(0, self.width - len(line))
        self.width = len(line)
        sys.stdout.write(f"\r{line}{pad}{end}")
        sys.stdout.flush()


def _per_step(seconds: float, steps: int) -> str:
    each = seconds / max(steps, 1)
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if each * factor >= 1:
            return f"{each * factor:.0f}{unit}/step"
    return f"{each * 1e6:.0f}us/step"


def _numbers(logs: Logs) -> str:
    def show(value: ArrayLike) -> str:
        array = np.asarray(jax.device_get(value))
        if array.ndim:
            return np.array2string(array, precision=4)
        return f"{float(array):.4f}" if abs(float(array)) > 1e-3 or float(array) == 0 else f"{float(array):.4e}"

    return " - ".join(f"{name}: {show(value)}" for name, value in logs.items())
