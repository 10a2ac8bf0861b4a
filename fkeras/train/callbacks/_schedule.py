"""LearningRateScheduler: the learning rate as a function of the epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...core import explain
from ._base import Callback, Event


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: `(epoch, learning_rate) -> learning_rate`, or `(epoch) -> learning_rate`; epochs count from 0.
        verbose: 1 prints each new rate.

    Raises:
        ValueError: the schedule returned something other than a number.

    >>> import fkeras as fk
    >>> callback = fk.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    >>> callback.rate(0, 1.0)
    0.9

    Reference: https://keras.io/api/callbacks/learning_rate_scheduler/
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def rate(self, epoch: int, current: float) -> float:
        """The rate of an epoch."""
        try:
            takes_rate = len(inspect.signature(self.schedule).parameters) > 1
        except ValueError:
            takes_rate = False
        value = self.schedule(epoch, current) if takes_rate else self.schedule(epoch)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError(
                explain(
                    "The schedule must return a number.",
                    received=repr(value),
                    usually="a branch of the function returns nothing.",
                    write="lambda epoch, rate: rate * 0.9",
                )
            ) from None

    def on_epoch_begin(self, event: Event) -> Any:
        current = event.trainer.get_learning_rate(event.state)
        rate = self.rate(event.epoch, 0.0 if current is None else float(current))
        if self.verbose:
            print(f"\nEpoch {event.epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")
        return event.trainer.set_learning_rate(event.state, rate)

    def on_epoch_end(self, event: Event) -> Any:
        rate = float(event.trainer.get_learning_rate(event.state))
        return event.replace(logs={**event.logs, "learning_rate": rate})
