"""A run that only shows that it runs: `fit(fast_dev_run=True)`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core import explain
from ..callbacks import BackupAndRestore, Callback
from ..callbacks._base import CallbackSpec
from ..callbacks._callback_list import several
from ..callbacks._say import say


def dry_steps(given: bool | int) -> int:
    """How many steps a dry run has; 0 where none was asked for.

    Args:
        given: `fast_dev_run`.

    Raises:
        ValueError: no number of steps.

    >>> dry_steps(True), dry_steps(7), dry_steps(False)
    (1, 7, 0)
    """
    if isinstance(given, bool | np.bool_) or (isinstance(given, int | np.integer) and given >= 0):
        return int(given)
    raise ValueError(
        explain(
            "fast_dev_run is True, or a number of steps.",
            received=repr(given),
            usually="a fraction; overfit_batches and limit_val_batches take one.",
            write="fast_dev_run=True, or fast_dev_run=5",
        )
    )


def without_files(callbacks: CallbackSpec, checkpoint: object, steps: int) -> Sequence[CallbackSpec]:
    """The callbacks of a dry run: those that write files are left out, and named in a line.

    Args:
        callbacks: those of the call.
        checkpoint: that of the call.
        steps: how many steps the run has.
    """
    listed = several(callbacks)
    writing = [c for c in listed if isinstance(c, BackupAndRestore) or (isinstance(c, Callback) and c._writes_files)]
    left_out = [type(c).__name__ for c in writing] + ([] if checkpoint is None else ["checkpoint="])
    named = f", without {', '.join(left_out)}, which would write files" if left_out else ""
    say(f"A dry run: {steps} step{'s' * (steps != 1)} of training, as many of validation{named}.")
    return [c for c in listed if not any(c is other for other in writing)]
