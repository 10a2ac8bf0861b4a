"""EarlyStopping: end a run that no longer improves."""

from __future__ import annotations

from ._base import CallbackResult, Event
from ._frequency import check_numbers
from ._monitor import Monitoring, improves
from ._say import say


class EarlyStopping(Monitoring):
    """Stops training when a monitored number has stopped improving.

    Args:
        monitor: the number's name in the logs.
        min_delta: the least change that counts as an improvement.
        patience: how many epochs without one to wait.
        verbose: 1 prints when it stops.
        mode: `"min"`, `"max"`, or `"auto"`: the metric says which way is better.
        baseline: a value to beat; until it is beaten, patience runs out.
        restore_best_weights: whether to end with the weights of the best epoch.
        start_from_epoch: the epoch from which to watch.

    Raises:
        ValueError: an unknown mode; before the training, a monitored number that nothing logs, or one of which nobody
            can tell which way is better.

    >>> import fkeras as fk
    >>> fk.callbacks.EarlyStopping("val_accuracy", patience=3).goal({"accuracy": "max"})
    'max'

    Reference: https://keras.io/api/callbacks/early_stopping/
    What it remembers (wait, best) is `event.memory`, so one object can serve many runs.
    Unlike Keras a number that the logs do not have is an error, not a warning.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode)
        numbers = {"min_delta": min_delta, "patience": patience, "start_from_epoch": start_from_epoch}
        check_numbers("EarlyStopping", baseline=baseline, **numbers)
        self.min_delta, self.patience, self.verbose = min_delta, patience, verbose
        self.baseline, self.restore_best_weights = baseline, restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, event: Event) -> CallbackResult:
        return event.replace(memory={"wait": 0, "best": None, "best_epoch": 0, "variables": None})

    def on_epoch_end(self, event: Event) -> CallbackResult:
        if event.epoch < self.start_from_epoch:
            return None
        value, memory, goal = self.watched(event), dict(event.memory), self.goal(event.goals)
        if value is None:
            return None
        if self.restore_best_weights and memory["variables"] is None:  # so that there is always something to restore
            memory.update(variables=event.state.variables, best_epoch=event.epoch)
        memory["wait"] += 1
        if improves(value, memory["best"], goal, self.min_delta):
            memory.update(best=value, best_epoch=event.epoch)
            if self.restore_best_weights:
                memory["variables"] = event.state.variables
            if self.baseline is None or improves(value, self.baseline, goal, self.min_delta):
                memory["wait"] = 0
            return event.replace(memory=memory)
        if memory["wait"] >= self.patience and event.epoch > 0:
            if self.verbose:
                say(f"Epoch {event.epoch + 1}: early stopping")
            return event.replace(memory=memory, stop=True)
        return event.replace(memory=memory)

    def on_train_end(self, event: Event) -> CallbackResult:
        best = event.memory.get("variables")
        if not self.restore_best_weights or best is None:
            return None
        if self.verbose:
            say(f"Restoring model weights from the end of the best epoch: {event.memory['best_epoch'] + 1}.")
        return event.state.with_variables(best)
