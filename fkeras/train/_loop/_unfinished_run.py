"""A run that an exception ends: what it had learnt stays reachable, on the exception itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple

import jax

from ...core.typing import PyTree
from .._step._state import TrainState
from ..callbacks import CallbackList, History
from ..distribution._processes import is_first
from ._profile import Profile
from ._run_backup import Backup, Run


class Unfinished(NamedTuple):
    """What `fit` would have returned, as far as it had come; `error.fkeras_run` of an exception that ended it.

    Attributes:
        state: the last whole state; `None` where a step that had its memory failed, of a run with `donate=True`.
        history: the numbers of the epochs that ended.

    >>> import fkeras as fk, numpy as np
    >>> trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> def batches():
    ...     yield np.ones((4, 1), "float32"), np.ones((4, 1), "float32")
    ...     raise OSError("the disk is gone")
    >>> try:
    ...     state, history = trainer.fit(trainer.init(0), batches(), steps_per_epoch=9, verbose=0)
    ... except OSError as error:
    ...     state, history = error.fkeras_run
    >>> int(state.step)
    1
    """

    state: TrainState | None
    history: History


class Reachable:
    """While active, an exception that leaves takes the run with it, and a line that says how to go on.

    Args:
        run: the run.
        start: the state that the run began with, where no step was ever given its memory.
        backup: what keeps the run on disk, if anything does.
    """

    def __init__(self, run: Run, start: TrainState | None, backup: Backup | None) -> None:
        self.run, self.start, self.backup = run, start, backup

    def __enter__(self) -> Reachable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        run, whole = self.run, is_whole(self.run.state)
        found = Unfinished(run.outcome if whole else self.start, run.history)
        # as a frozen dataclass would not have it otherwise, nor add_note
        vars(error)["fkeras_run"] = found
        if run.total:
            # an error that was raised before, or comes from a run within this one, has such a line already
            vars(error)["__notes__"] = [n for n in vars(error).get("__notes__", []) if not str(n).startswith(_HEAD)]
            add_note(error, self._note(found, whole))

    def _note(self, found: Unfinished, whole: bool) -> str:
        step = "" if found.state is None else f"state, history = error.fkeras_run (step {int(found.state.step)}"
        if found.state is None:
            text = f"{_HEAD}, in a step that had the memory of the last state, and with donate=True there is no other"
        elif whole:
            text = f"{_HEAD}, and nothing is lost: {step}); go on with trainer.fit(state, ..., "
            # an epoch whose steps were all made is not trained again for the sake of what came at its end
            text += f"initial_epoch={self.run.epoch + self.run.trained})"
        else:
            text = (
                f"{_HEAD}, in a step that had been given the memory of the last state: {step}, where this call began)"
            )
        if self.backup is not None and self.backup.saved is not None:
            text += f"; or with the same call: {self.backup.asked.backup_dir!r} has step {self.backup.saved[1]}"
        return text


# By this a note is known as one of these.
_HEAD = "The training ended here"


class Closing:
    """While active, callbacks and the backup hold files and threads; then they let go, however the run ended.

    Args:
        calls: the callbacks.
        backup: the backup, if there is one.
        profiles: what is profiled.
    """

    def __init__(self, calls: CallbackList, backup: Backup | None, profiles: Sequence[Profile] = ()) -> None:
        self.parts: list[Callable[[], None]] = [profile.stop for profile in profiles]
        self.parts += [*(c._on_run_over for c in calls.callbacks), *([] if backup is None else [backup.close])]

    def __enter__(self) -> Closing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for leave in self.parts:
            try:
                leave()
            except Exception as other:
                if error is None:
                    error = other
                else:  # the first error is the one that arrives
                    add_note(error, f"And while the run was being closed: {type(other).__name__}: {other}")
        if error is not None and kind is None:
            raise error


def say_interrupted(run: Run, backup: Backup | None) -> None:
    """A line for the terminal, whatever `verbose` is: a script that goes on should not go unnoticed."""
    if not is_first():
        return
    kept = f"; the run is saved in {backup.asked.backup_dir!r}" if backup is not None else ""
    print(
        f"\nInterrupted by Ctrl-C: fit returns the state after step {int(run.state.step)} (epoch {run.epoch + 1}, "
        f"{run.done} of its batches done) and the history so far{kept}. fit(..., on_interrupt='raise') raises instead.",
        file=sys.stderr,
        flush=True,
    )


def say_out_of_time(run: Run, backup: Backup | None, seconds: float) -> None:
    """A line for the terminal, whatever `verbose` is: the run is shorter than it was asked to be."""
    if not is_first():
        return
    kept = f"; the run is saved in {backup.asked.backup_dir!r}, and the same call goes on from there" if backup else ""
    print(
        f"\nmax_time: {seconds:g} s are over, and the run ends after step {int(run.state.step)}{kept}.",
        file=sys.stderr,
        flush=True,
    )


def add_note(error: BaseException, note: str) -> None:
    """A line on an exception, also where it is frozen and `add_note` would raise."""
    vars(error)["__notes__"] = [*vars(error).get("__notes__", []), note]


def is_whole(state: PyTree) -> bool:
    """Whether every array of a state is there: none was given to a step, and none comes from a step that failed."""
    try:
        jax.block_until_ready(state)
    except Exception:  # what a device reports has many types
        return False
    return True
