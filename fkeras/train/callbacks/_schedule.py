"""LearningRateScheduler: the learning rate as a function of the epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import jax

from ...core import explain
from ..optimizers._rates import named_rates, with_rates
from ._base import Callback, CallbackResult, Event
from ._say import say


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: `(epoch, learning_rate) -> learning_rate`, or `(epoch) -> learning_rate`; epochs count from 0. Of an
            optimizer that keeps several rates it is asked for each.
        verbose: 1 prints each new rate.

    Raises:
        TypeError: in `fit`, the optimizer's rate follows a schedule of its own, as in Keras.
        ValueError: in `fit`, the optimizer keeps no rate in its state; the schedule returned something other than a
            number.

    >>> import fkeras as fk
    >>> callback = fk.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    >>> callback.rate(0, 1.0)
    0.9

    Reference: https://keras.io/api/callbacks/learning_rate_scheduler/
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
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

    def on_epoch_begin(self, event: Event) -> CallbackResult:
        set_to: list[float] = []

        def rate(current: jax.Array) -> float:
            set_to.append(self.rate(event.epoch, float(current)))
            return set_to[-1]

        opt_state = with_rates(event.trainer.optimizer, event.state.opt_state, rate)
        if self.verbose:
            shown = ", ".join(map(str, set_to))
            say(f"\nEpoch {event.epoch + 1}: LearningRateScheduler setting learning rate to {shown}.")
        return event.state.replace(opt_state=opt_state)

    def on_epoch_end(self, event: Event) -> CallbackResult:
        rates = {name: float(rate) for name, rate in named_rates(event.state.opt_state).items()}
        return event.replace(logs={**event.logs, **rates})
