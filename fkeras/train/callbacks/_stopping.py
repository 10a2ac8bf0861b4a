"""EarlyStopping: end a run that no longer improves."""

from __future__ import annotations

import math
from typing import Any

from ...core import did_you_mean, explain
from ._base import Callback, Event

# Names of metrics for which more is better, when `mode` is left to "auto".
_MORE_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "true_positives", "true_negatives")


def direction(monitor: str, mode: str) -> str:
    """`"max"` or `"min"`, from the mode or else from the monitored number's name.

    >>> direction("val_accuracy", "auto"), direction("val_loss", "auto")
    ('max', 'min')
    """
    if mode in ("min", "max"):
        return mode
    if mode != "auto":
        raise ValueError(explain("`mode` must be 'auto', 'min' or 'max'.", received=repr(mode), write='mode="auto"'))
    return "max" if any(part in monitor for part in _MORE_IS_BETTER) and "loss" not in monitor else "min"


def improves(value: float, best: float | None, goal: str, min_delta: float) -> bool:
    """Whether a value beats the best so far by more than `min_delta`."""
    if best is None or math.isnan(best):
        return not math.isnan(value)
    return value - abs(min_delta) > best if goal == "max" else value + abs(min_delta) < best


def monitored(callback: Any, event: Event) -> float:
    """The number a callback watches.

    Raises:
        ValueError: the logs do not have it.
    """
    if callback.monitor not in event.logs:
        name = type(callback).__name__
        raise ValueError(
            explain(
                f"{name} watches {callback.monitor!r}, which the logs do not have.",
                received=sorted(event.logs),
                usually="no validation data was given; " + did_you_mean(callback.monitor, event.logs),
                write=f'{name}("loss"), or fit(..., validation_data=(x, y))',
            )
        )
    return float(event.logs[callback.monitor])


class EarlyStopping(Callback):
    """Stops training when a monitored number has stopped improving.

    Args:
        monitor: the number's name in the logs.
        min_delta: the least change that counts as an improvement.
        patience: how many epochs without one to wait.
        verbose: 1 prints when it stops.
        mode: `"min"`, `"max"`, or `"auto"`: by the number's name.
        baseline: a value to beat; until it is beaten, patience runs out.
        restore_best_weights: whether to end with the weights of the best epoch.
        start_from_epoch: the epoch from which to watch.

    Raises:
        ValueError: an unknown mode, or a monitored number that the logs do not have.

    >>> import fkeras as fk
    >>> fk.callbacks.EarlyStopping("val_accuracy", patience=3).goal
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
        self.monitor, self.min_delta, self.patience, self.verbose = monitor, min_delta, patience, verbose
        self.baseline, self.restore_best_weights = baseline, restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.goal = direction(monitor, mode)

    def on_train_begin(self, event: Event) -> Any:
        return event.replace(memory={"wait": 0, "best": None, "best_epoch": 0, "variables": None})

    def on_epoch_end(self, event: Event) -> Any:
        if event.epoch < self.start_from_epoch:
            return None
        value, memory = monitored(self, event), dict(event.memory)
        if self.restore_best_weights and memory["variables"] is None:  # so that there is always something to restore
            memory.update(variables=event.state.variables, best_epoch=event.epoch)
        memory["wait"] += 1
        if improves(value, memory["best"], self.goal, self.min_delta):
            memory.update(best=value, best_epoch=event.epoch)
            if self.restore_best_weights:
                memory["variables"] = event.state.variables
            if self.baseline is None or improves(value, self.baseline, self.goal, self.min_delta):
                memory["wait"] = 0
            return event.replace(memory=memory)
        if memory["wait"] >= self.patience and event.epoch > 0:
            if self.verbose:
                print(f"Epoch {event.epoch + 1}: early stopping")
            return event.replace(memory=memory, stop=True)
        return event.replace(memory=memory)

    def on_train_end(self, event: Event) -> Any:
        best = event.memory.get("variables")
        if not self.restore_best_weights or best is None:
            return None
        if self.verbose:
            print(f"Restoring model weights from the end of the best epoch: {event.memory['best_epoch'] + 1}.")
        return event.state.with_variables(best)
