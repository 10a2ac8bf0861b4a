"""ReduceLROnPlateau: a smaller learning rate when a run no longer improves."""

from __future__ import annotations

import jax

from ...core import explain
from .._step._state import TrainState
from ..optimizers._rates import check_settable, named_rates, with_rates
from ._base import CallbackResult, Event
from ._frequency import check_numbers
from ._monitor import Monitoring, improves
from ._say import say


class ReduceLROnPlateau(Monitoring):
    """Multiplies the learning rate by `factor` when a monitored number has stopped improving.

    Args:
        monitor: the number's name in the logs.
        factor: `new_rate = rate * factor`, below 1.
        patience: how many epochs without an improvement to wait.
        verbose: 1 prints each change.
        mode: `"min"`, `"max"`, or `"auto"`: the metric says which way is better.
        min_delta: the least change that counts as an improvement.
        cooldown: how many epochs to wait after a change before watching again.
        min_lr: the smallest rate.

    Raises:
        ValueError: a factor of 1 or more; before the training, a monitored number that nothing logs, one of which
            nobody can tell which way is better, or an optimizer that keeps no rate in its state.
        TypeError: before the training, the optimizer's rate follows a schedule of its own, as in Keras.

    >>> import fkeras as fk
    >>> fk.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=2).goal({})
    'min'

    Reference: https://keras.io/api/callbacks/reduce_lr_on_plateau/
    What it remembers (wait, best, cooldown) is `event.memory`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        check_numbers("ReduceLROnPlateau", factor=factor)
        if factor >= 1.0:
            raise ValueError(
                explain("ReduceLROnPlateau needs a factor below 1.", received=f"factor={factor}", write="factor=0.1")
            )
        super().__init__(monitor, mode)
        check_numbers("ReduceLROnPlateau", patience=patience, min_delta=min_delta, cooldown=cooldown, min_lr=min_lr)
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.min_delta, self.cooldown, self.min_lr = min_delta, cooldown, min_lr

    def on_train_begin(self, event: Event) -> CallbackResult:
        check_settable(event.trainer.optimizer, event.state.opt_state)
        return event.replace(memory={"wait": 0, "best": None, "cooldown": 0})

    def on_epoch_end(self, event: Event) -> CallbackResult:
        value = self.watched(event)
        rates = {name: float(rate) for name, rate in named_rates(event.state.opt_state).items()}
        event = event.replace(logs={**event.logs, **rates})
        if value is None:
            return event
        memory = dict(event.memory)
        if memory["cooldown"] > 0:
            memory.update(cooldown=memory["cooldown"] - 1, wait=0)
        if improves(value, memory["best"], self.goal(event.goals), self.min_delta):
            memory.update(best=value, wait=0)
        elif memory["cooldown"] <= 0:
            memory["wait"] += 1
            if memory["wait"] >= self.patience and max(rates.values()) > self.min_lr:
                memory.update(cooldown=self.cooldown, wait=0)
                return event.replace(state=self._reduced(event), memory=memory)
        return event.replace(memory=memory)

    def _reduced(self, event: Event) -> TrainState:
        """The state with a smaller rate, or each of several smaller by the same factor."""
        reduced: list[float] = []

        def reduce(rate: jax.Array) -> float:
            reduced.append(max(float(rate) * self.factor, min(self.min_lr, float(rate))))
            return reduced[-1]

        opt_state = with_rates(event.trainer.optimizer, event.state.opt_state, reduce)
        if self.verbose:
            shown = ", ".join(map(str, reduced))
            say(f"\nEpoch {event.epoch + 1}: ReduceLROnPlateau reducing learning rate to {shown}.")
        return event.state.replace(opt_state=opt_state)
