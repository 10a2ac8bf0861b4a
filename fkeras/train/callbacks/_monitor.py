"""What callbacks with `monitor=` share: the number they watch, and which way it is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ...core import did_you_mean, explain
from .. import metrics
from .._step._learner import Learner
from .._step._state import TrainState
from ._base import Callback, CallbackResult, Event
from ._callback_list import CallbackList
from ._lambda import LambdaCallback

# Numbers that are no metric, and are lower in a run that goes well.
_LOWER = ("loss", "grad_norm")


class Monitoring(Callback):
    """A callback that watches a number of the logs.

    Args:
        monitor: the number's name.
        mode: `"min"`, `"max"`, or `"auto"`: the metric is asked which way is better.

    Raises:
        ValueError: another mode, or a name that is none.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        name = type(self).__name__
        if mode not in ("auto", "min", "max"):
            raise ValueError(
                explain(
                    f"{name}: `mode` must be 'auto', 'min' or 'max'.",
                    received=repr(mode),
                    usually=did_you_mean(mode, ("auto", "min", "max")),
                    write='mode="auto"',
                )
            )
        if not isinstance(monitor, str) or not monitor:
            raise ValueError(
                explain(
                    f"{name}: `monitor` is the name of a number in the logs.",
                    received=repr(monitor),
                    usually="a metric was passed instead of its name.",
                    write=f'{name}(monitor="val_loss")',
                )
            )
        self.monitor, self.mode = monitor, mode

    @property
    def watches(self) -> bool:
        """Whether the number is looked at at all."""
        return True

    def goal(self, goals: Mapping[str, str | None]) -> str:
        """Which way is better, `"min"` or `"max"`.

        Args:
            goals: what the trainer's metrics say, by the names in the logs.

        Returns:
            `"min"` or `"max"`.

        Raises:
            ValueError: nobody knows.
        """
        return direction(type(self).__name__, self.monitor, self.mode, goals)

    def watched(self, event: Event) -> float | None:
        """The number at the end of an epoch; `None` after one that was not validated, in a run where others are.

        Raises:
            ValueError: the logs do not have it.
        """
        if self.monitor in event.logs:
            value = event.logs[self.monitor]
            if np.ndim(value):
                raise ValueError(
                    explain(
                        f"{type(self).__name__} watches {self.monitor!r}, which is {np.size(value)} numbers, not one.",
                        received=f"{value}",
                        usually="a metric with average=None, or with several thresholds.",
                        write='the metric\'s average="macro", or a callback that logs one of them',
                    )
                )
            return float(value)
        if self.monitor.startswith("val_") and event.validates and not any(k.startswith("val_") for k in event.logs):
            return None
        raise unknown(self, event.logs, event.validates)


def direction(owner: str, monitor: str, mode: str, goals: Mapping[str, str | None]) -> str:
    """`"max"` or `"min"`: the mode, or what the metric of that name says, the trainer's own first.

    >>> direction("EarlyStopping", "val_accuracy", "auto", {}), direction("EarlyStopping", "loss", "auto", {})
    ('max', 'min')
    """
    if mode != "auto":
        return mode
    name = monitor.removeprefix("val_")
    goal = goals[name] if name in goals else _well_known(name)
    if goal in ("min", "max"):
        return goal
    raise ValueError(
        explain(
            f"{owner} watches {monitor!r}, and nobody can tell whether more or less of it is better.",
            received='mode="auto"',
            usually="a function or metric of your own, or a number that a callback or a step of your own logs.",
            write=f'{owner}({monitor!r}, mode="max")   # or mode="min"; a metric of your own may say `goal = "max"`',
        )
    )


def _well_known(name: str) -> str | None:
    """What a number of that name is everywhere: a loss, or one of the metrics that have a name."""
    if name in _LOWER or name.endswith("_loss"):
        return "min"
    try:
        return metrics.resolve(name, None, (1, 2)).goal
    except (TypeError, ValueError):  # no metric's name, or one that needs arguments
        return None


def improves(value: float, best: float | None, goal: str, min_delta: float) -> bool:
    """Whether a value beats the best so far by more than `min_delta`."""
    if best is None or math.isnan(best):
        return not math.isnan(value)
    return value - abs(min_delta) > best if goal == "max" else value + abs(min_delta) < best


def unknown(callback: Monitoring, logs: Iterable[str], validates: bool) -> ValueError:
    """The error for a number that is not there."""
    name, monitor = type(callback).__name__, callback.monitor
    unvalidated = monitor.startswith("val_") and not validates
    return ValueError(
        explain(
            f"{name} watches {monitor!r}, which the logs do not have.",
            received=sorted(logs),
            usually=("no validation data was given; " if unvalidated else "") + did_you_mean(monitor, logs),
            write=f'{name}("loss"), or fit(..., validation_data=(x, y))' if unvalidated else f'{name}("loss")',
        )
    )


def check_callbacks(
    calls: CallbackList, trainer: Learner, state: TrainState, goals: Mapping[str, str | None], names: Sequence[str],
    closed: bool, validates: bool,
) -> None:  # fmt: skip
    """Refuse, before a run, what could only be found to be wrong after its first epoch.

    Args:
        calls: the callbacks of the run.
        trainer: what will train, and
        state: from where.
        goals: which way the numbers of a step are better.
        names: the numbers that the logs of an epoch will have.
        closed: whether a step logs nothing else.
        validates: whether the run has validation data.

    Raises:
        ValueError: a number that nothing in this run logs, or one of which nobody can tell which way is better.
    """
    others = any(_may_log(c) for c in calls.callbacks)
    for callback in calls.callbacks:
        if isinstance(callback, Monitoring) and callback.watches:
            unvalidated = callback.monitor.startswith("val_") and not validates
            if callback.monitor not in names and (closed or unvalidated) and not others:
                raise unknown(callback, names, validates)
            callback.goal(goals)
        callback._refuse_before_run(trainer, state, names if closed and not others else None)


def _may_log(callback: Callback) -> bool:
    """Whether what a callback returns at an epoch's end may hold numbers that are not known before: a user's own."""
    if isinstance(callback, LambdaCallback):  # mostly shows numbers, and a name that is misspelt is to be found
        return False
    hook: Callable[..., CallbackResult] = getattr(callback, "on_epoch_end")  # noqa: B009 - it may be an instance's
    function = getattr(hook, "__func__", hook)
    return not str(getattr(function, "__module__", "")).startswith(f"{__package__}.")
