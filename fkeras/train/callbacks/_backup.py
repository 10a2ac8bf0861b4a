"""BackupAndRestore: a run that goes on after an interruption."""

from __future__ import annotations

import os
from typing import Any

from ...core import as_path, explain
from ._base import Callback
from ._frequency import check_choice, check_max_to_keep, check_save_freq


class BackupAndRestore(Callback):
    """Saves the run while it goes on; `fit` called again with the same arguments goes on from there, to the bit.

    Args:
        backup_dir: the directory of the run. Two runs do not share one.
        save_freq: `"epoch"`, or after how many steps to save.
        double_checkpoint: also save when an epoch ends, when `save_freq` counts steps.
        delete_checkpoint: whether the backup is deleted when training has ended.
        save_seconds: also save when this many seconds have gone by, between two steps.
        max_to_keep: how many of the run's checkpoints stay, the newest ones.
        keep_every: also save when the run begins and after every so many steps, and keep those saves whatever
            `max_to_keep` is: `fk.open_run` then answers for any step, by a replay of fewer steps than that. Each takes
            the bytes of the state on disk, weights and slots of the optimizer. It goes with `delete_checkpoint=False`.
        background: whether a copy of the state is written while training goes on; otherwise training waits for each
            save, and no copy is made.
        on_error: `"raise"`, or `"warn"` to go on training when the run cannot be saved (the disk is full) and to try
            again when the next save is due.

    Raises:
        TypeError, ValueError: no directory, a frequency that is neither, or an unknown `on_error`.
        OSError: from `fit`, before the training: nothing can be saved there.

    What is saved is everything: weights, collections, optimizer state, averages, randomness, the position in the epoch
    and in the data, running metrics, what callbacks remember, and the history. Ctrl-C and SIGTERM save too. Iterators
    go on through `get_state` and `set_state` where they have them, else by passing over what was seen.

    >>> import fkeras as fk, numpy as np, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     kept = fk.callbacks.BackupAndRestore(place, delete_checkpoint=False)
    ...     _ = trainer.fit(trainer.init(0), x, y, epochs=2, callbacks=[kept], verbose=0)
    ...     _, history = trainer.fit(trainer.init(0), x, y, epochs=3, callbacks=[kept], verbose=0)
    >>> history.epoch
    [0, 1, 2]

    Reference: https://keras.io/api/callbacks/backup_and_restore/
    Unlike Keras the run that goes on is the same run, to the bit, wherever it was cut off. On a GPU that takes programs
    with the same bits each time, `XLA_FLAGS=--xla_gpu_deterministic_ops=true`; without, or on another device or version
    of JAX than it began on, the run goes on to rounding, and a warning says so.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        *,
        save_seconds: float | None = None,
        max_to_keep: int = 2,
        keep_every: int | None = None,
        background: bool = True,
        on_error: str = "raise",
    ) -> None:
        check_save_freq("BackupAndRestore", save_freq, "steps")
        check_max_to_keep("BackupAndRestore", max_to_keep)
        _check_keep_every(keep_every, delete_checkpoint)
        check_choice("BackupAndRestore", "on_error", on_error, ("raise", "warn"))
        if isinstance(backup_dir, str) and not backup_dir.strip():
            raise ValueError(
                explain("BackupAndRestore needs a directory.", received=repr(backup_dir), write='"backups/run1"')
            )
        self.backup_dir, self.save_freq = as_path(backup_dir, "BackupAndRestore", '"backups/run1"'), save_freq
        self.save_seconds, self.on_error = save_seconds, on_error
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.max_to_keep, self.background, self.keep_every = max_to_keep, background, keep_every


def _check_keep_every(keep_every: object, delete: bool) -> None:
    """Refuse what is no number of steps, and saves that are kept and deleted."""
    if keep_every is None:
        return
    if isinstance(keep_every, bool) or not isinstance(keep_every, int) or keep_every < 1:
        raise ValueError(
            explain(
                "BackupAndRestore: `keep_every` is a number of steps.",
                received=f"keep_every={keep_every!r}",
                write="keep_every=100",
            )
        )
    if delete:
        raise ValueError(
            explain(
                "BackupAndRestore: saves that are kept cannot be deleted when training has ended.",
                received=f"keep_every={keep_every}, delete_checkpoint=True",
                usually="delete_checkpoint is True by default, as in Keras.",
                write=f"keep_every={keep_every}, delete_checkpoint=False",
            )
        )
