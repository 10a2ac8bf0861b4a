"""The arguments of a run, checked where they arrive."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from ...core import checked_by_name, explain
from ...core.typing import ArrayLike
from ._screen import is_live

#: A verb of a trainer, or a function of one, whose arguments are looked at by name first.
named = checked_by_name("trainer")


# ------------------------------------------------------------------ values
def check_run(
    *,
    batch_size: Any,
    validation_batch_size: Any,
    validation_steps: Any,
    validation_split: Any,
    validation_freq: Any,
    initial_epoch: Any,
    shuffle: Any,
    checkpoint: Any,
    max_compiles: Any,
    check_nans: Any,
    donate: Any,
    validates: bool,
) -> None:
    """Refuse what cannot be a run of `fit`, whatever the data; and say what says nothing.

    Args:
        batch_size, validation_batch_size, validation_steps, validation_split, validation_freq, initial_epoch, shuffle,
        checkpoint, max_compiles, check_nans, donate: those of `fit`.
        validates: whether there is `validation_data`.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    check_counts(
        batch_size=batch_size,
        validation_batch_size=validation_batch_size,
        validation_steps=validation_steps,
        max_compiles=max_compiles,
    )
    if not _is_integer(initial_epoch) or initial_epoch < 0:
        usually = "epochs are counted from 0; None, or a number read as text."
        raise _wrong("initial_epoch is the number of the epoch to start at.", initial_epoch, usually, "initial_epoch=0")
    real = isinstance(validation_split, float | int | np.number) and not isinstance(validation_split, bool)
    if not real or not 0 <= validation_split < 1:
        usually = "percent, or a number of rows; it is the fraction that is held out."
        raise _wrong("validation_split must lie between 0 and 1.", validation_split, usually, "validation_split=0.2")
    _check_frequency(validation_freq)
    for name, value in (("shuffle", shuffle), ("check_nans", check_nans), ("donate", donate)):
        if not isinstance(value, bool | np.bool_) and not (_is_integer(value) and value in (0, 1)):
            usually = "text that would count as true."
            if value == "batch":
                usually = "Keras 2's word for batches that stay together: those of a data set by index do."
            raise _wrong(f"{name} is either True or False.", value, usually, f"{name}=True")
    _check_checkpoint(checkpoint)
    if not validates and not validation_split:
        idle = {"validation_steps": validation_steps, "validation_batch_size": validation_batch_size}
        idle = {name: value for name, value in idle.items() if value is not None}
        idle |= (
            {} if isinstance(validation_freq, int) and validation_freq == 1 else {"validation_freq": validation_freq}
        )
        if idle:
            named = ", ".join(f"{name}={value!r}" for name, value in idle.items())
            said = explain(
                f"{' and '.join(idle)} say nothing here: there is nothing to validate on.",
                received=named,
                usually="validation_data was left out, or is None.",
                write=f"validation_data=(x_val, y_val), {named}",
            )
            warnings.warn(said, stacklevel=4)


def check_counts(**counts: Any) -> None:
    """Refuse what is no positive integer; `None` is none at all.

    Raises:
        ValueError: naming the argument.

    >>> check_counts(steps=None, batch_size=32)
    """
    for name, value in counts.items():
        if value is not None and (not _is_integer(value) or value < 1):
            usually = "a quotient: `//` divides integers." if isinstance(value, float) else ""
            raise _wrong(f"{name} must be a positive integer.", value, usually, f"{name}=32")


def check_depth(prefetch: Any) -> None:
    """Refuse what is no number of batches.

    Raises:
        ValueError: naming the argument.
    """
    if not _is_integer(prefetch) or prefetch < 0:
        raise _wrong(
            "prefetch is the number of batches that are copied ahead.", prefetch, "True, or None.", "prefetch=2"
        )


def verbosity(verbose: Any, quiet: int = 0) -> int:
    """0, 1 or 2, of any of Keras's spellings.

    Args:
        verbose: what was given; `"auto"` is a bar on a terminal and in a notebook, and
        quiet: where there is neither.

    Raises:
        ValueError: anything else.

    >>> verbosity(2), verbosity(False)
    (2, 0)
    """
    if isinstance(verbose, str):
        if verbose == "auto":
            return 1 if is_live() else quiet
    elif isinstance(verbose, bool | np.bool_) or (_is_integer(verbose) and 0 <= verbose <= 2):
        return int(verbose)
    raise _wrong("verbose is 0, 1, 2 or 'auto'.", verbose, "", "verbose=0 silent, 1 a bar, 2 a line an epoch")


def _check_frequency(frequency: Any) -> None:
    several = isinstance(frequency, list | tuple | set | frozenset | range)
    numbers = list(frequency) if several else [frequency]
    if not all(_is_integer(n) and n >= 1 for n in numbers):
        usually = "epochs are counted from 1 here; a fraction, or text."
        write = "validation_freq=2 for every other epoch, or [1, 5, 10] for those"
        wrong = "validation_freq must be a positive integer, or a list of the epochs to validate after."
        raise _wrong(wrong, frequency, usually, write)


def _check_checkpoint(checkpoint: Any) -> None:
    """A path, or the callback that says more: both have a directory."""
    path = getattr(checkpoint, "backup_dir", checkpoint)
    if checkpoint is None or (isinstance(path, str | os.PathLike) and str(path).strip()):
        return
    usually = "True, or the callback's class; it is the place where the run is kept."
    wrong = "checkpoint is a directory, or a fk.callbacks.BackupAndRestore."
    raise _wrong(wrong, checkpoint, usually, 'checkpoint="run/"', TypeError)


def _is_integer(value: ArrayLike) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _wrong(wrong: str, value: ArrayLike, usually: str, write: str, kind: Any = ValueError) -> Any:
    return kind(explain(wrong, received=f"{value!r}"[:120], usually=usually, write=write))
