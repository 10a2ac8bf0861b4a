"""A run on disk: saved while it goes on, and found again when it is started again."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import time
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ...core import explain
from .._batches._sources import Arrays, Stream
from .._step._breakable import breakable
from .._step._learner import Learner
from .._step._measurement import log_sums, without_logs
from .._step._private_copy import private
from .._step._state import TrainState
from ..callbacks import BackupAndRestore, CallbackList, History
from ..distribution._processes import several_processes
from ._whole_sets import floats


@dataclasses.dataclass
class Run:
    """Where a run is: all that is needed to go on with it.

    Attributes:
        state: the state.
        epoch: the epoch that is under way.
        history: the numbers of the epochs before.
        begun: whether the epoch's beginning was called out.
        done: how many of the epoch's steps were made.
        total: how many steps of the run were made.
        began_at: the state's step at the epoch's first batch.
        stopped: whether a callback ended the run.
        logs: the numbers of the epoch so far.
        data: where an iterator with `get_state` was, when the run was saved.
        asked: what the call of `fit` was asked for; see `asked_for`.
        log_sums: the running sums of what a loss of one's own logs, when the run was saved.
        trained: whether all steps of the epoch were made, and only its end is left; not saved, a resumed run finds out.
    """

    state: TrainState
    epoch: int
    history: History
    begun: bool = False
    done: int = 0
    total: int = 0
    began_at: int = 0
    stopped: bool = False
    logs: dict[str, Any] = dataclasses.field(default_factory=dict)
    data: Any = None
    asked: dict[str, Any] = dataclasses.field(default_factory=dict)
    log_sums: dict[str, Any] = dataclasses.field(default_factory=dict)
    trained: bool = False

    @property
    def outcome(self) -> TrainState:
        """The state as `fit` returns it."""
        return without_logs(self.state)

    @property
    def record(self) -> dict[str, Any]:
        """Where the run is, by field: all but the state and the history, which are kept in ways of their own."""
        found = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in NOT_RECORDED}
        del found["log_sums"]  # what a resumed run began with; the state has those of now
        sums = log_sums(self.state)
        return {**found, "log_sums": jax.device_get(sums)} if sums else found


#: Fields of a run that are no part of its record.
NOT_RECORDED = ("state", "history", "trained")


class Backup:
    """Keeps a run in a directory, as a `BackupAndRestore` says.

    Several processes that make one run save it together, at the same steps, and each waits until all is written: what
    they send each other has one order, which a save in the background would upset. Whether so many seconds have gone by
    is for the clock of the first one to say; the others ask it after ever more steps, never at each.

    Args:
        asked: what the user asked for.
    """

    def __init__(self, asked: BackupAndRestore) -> None:
        self.asked = asked
        self.last = time.monotonic()
        self.saved: tuple[int, int] | None = None  # epoch and total of what the directory holds,
        self.saving: tuple[int, int] | None = None  # or will hold when the save that is under way has ended
        self.together = several_processes()
        self.made, self.look_at = 0, 1  # together: at which step was the last save, and when to look at the clock next
        alone = asked.background and not self.together
        self.pool = concurrent.futures.ThreadPoolExecutor(1, "fkeras-backup") if alone else None
        self.pending: concurrent.futures.Future[None] | None = None

    def restore(self, trainer: Learner, run: Run, calls: CallbackList) -> bool:
        """Put what was saved in the run's place; whether there was anything."""
        from ...checkpoint import load_run as door

        found = None
        with self._as_asked(PermissionError):
            found = door(self.asked.backup_dir, trainer, run.state, len(calls.callbacks))  # type: ignore[arg-type]
        if found is None:
            return False
        run.state, record, calls.memory = found
        run.history.history, run.history.epoch = record.pop("history"), record.pop("epochs")
        run.history.digests = dict(record.pop("digests", np.zeros((0, 2), np.int64)).tolist())
        for name, value in record.items():
            setattr(run, name, value)
        run.begun = run.begun or run.done > 0  # a run of an older version does not say
        self.saved = self.saving = (run.epoch, run.total)
        self.made, self.look_at = run.total, run.total + 1
        return True

    @breakable(2)
    def save(self, trainer: Learner, run: Run, calls: CallbackList, source: Arrays | Stream) -> None:
        """Save the run; what is there of an older one stays until this is whole.

        In the background a copy is written while training goes on; one save at a time, the next waits for it. Where the
        user asked for that, one that fails is a warning, and the next one comes when it is due.
        """
        from ...checkpoint import save_run as door

        self.wait()
        self.last = time.monotonic()
        self.made, self.look_at = run.total, run.total + 1
        with self._as_asked():
            run.data = source.position()
            record = {
                **run.record,
                "logs": floats(run.logs),
                "history": run.history.history,
                "epochs": run.history.epoch,
                "digests": np.array([(s, int(d)) for s, d in run.history.digests.items()], np.int64).reshape(-1, 2),
            }
            state = run.state if self.pool is None else private(run.state)
            self.saving = (run.epoch, run.total)
            place, kept = self.asked.backup_dir, (self.asked.max_to_keep, self.pool, self.asked.keep_every)
            self.pending = door(place, trainer, state, record, calls.memory, *kept)  # type: ignore[arg-type]
            if self.pending is None:
                self.saved = self.saving

    @breakable(2)
    def wait(self) -> None:
        """Wait for the save that is under way, and raise, or tell, what it raised."""
        pending, self.pending = self.pending, None
        if pending is not None:
            with self._as_asked():
                pending.result()
                self.saved = self.saving

    @contextlib.contextmanager
    def _as_asked(self, kind: type[Exception] = Exception) -> Iterator[None]:
        """What goes wrong while the run is saved is an error, or the warning that was asked for."""
        try:
            yield
        except kind as error:
            if self.asked.on_error == "raise":
                raise
            self.saving = self.saved
            warnings.warn(
                explain(
                    f"The run could not be saved in {self.asked.backup_dir!r}; it goes on, and is saved again later.",
                    received=f"{type(error).__name__}: {error}",
                    usually="the disk is full, or was taken away.",
                ),
                RuntimeWarning,
                stacklevel=6,
            )

    def close(self) -> None:
        """The run is over: what is being saved is whole when this returns."""
        patient = True
        try:
            self.wait()
        except KeyboardInterrupt:
            patient = False
            raise
        finally:
            if self.pool is not None:
                self.pool.shutdown(wait=patient)

    def holds(self, run: Run) -> bool:
        """Whether the run is on disk as it is at the end of its last epoch."""
        return self.saving == (run.epoch, run.total)

    def until_due(self, total: int) -> int:
        """How many steps may be made before one that has to be saved."""
        every, kept = self.asked.save_freq, self.asked.keep_every
        steps = every - total % every if isinstance(every, int) else 2**31
        steps = steps if kept is None else min(steps, kept - total % kept)
        if self.together and self.asked.save_seconds is not None:
            return min(steps, max(1, self.look_at - total))
        return steps

    def is_due(self, total: int, epoch_ended: bool = False) -> bool:
        """Whether to save now."""
        if self._is_time(total):
            return True
        every, kept = self.asked.save_freq, self.asked.keep_every
        if kept is not None and total % kept == 0:
            return True
        if epoch_ended and (every == "epoch" or self.asked.double_checkpoint):
            return True
        return every != "epoch" and total % every == 0

    def _is_time(self, total: int) -> bool:
        """Whether so many seconds have gone by; of several processes all say the same."""
        seconds = self.asked.save_seconds
        if seconds is None:
            return False
        gone = time.monotonic() - self.last
        if not self.together:
            return gone >= seconds
        if total < self.look_at:
            return False
        made = max(1, total - self.made)
        left = int(min(made * max(0.0, seconds - gone) / max(gone, 1e-3), 2 * made))
        left = int(multihost_utils.broadcast_one_to_all(np.asarray(left if gone < seconds else -1)))
        self.look_at = total + max(1, left)
        return left < 0

    def finish(self) -> None:
        """The run has ended: its backup goes, if that was asked for."""
        from ...checkpoint import delete_runs as door

        self.wait()
        if self.asked.delete_checkpoint:
            with self._as_asked():
                door(self.asked.backup_dir)
