"""Metrics that a set's batches never reached."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from ...core import explain
from .._step._learner import Learner


def warn_of_unmeasured(trainer: Learner, names: Iterable[str]) -> None:
    """Say which metrics an evaluation has no numbers of, where a `compute_loss` hands out no `y_pred`.

    `fit` leaves them out of the numbers of training, too.

    Args:
        trainer: the trainer, with a loss of its own.
        names: the metrics.
    """
    lacking = ", ".join(names)
    if lacking:
        warnings.warn(
            explain(
                "evaluate leaves out metrics that it has no outputs for.",
                received=lacking,
                usually=f"{type(trainer).__name__}.compute_loss returns the loss alone.",
                write='return loss, {"y_pred": y_pred}   # in compute_loss',
            ),
            UserWarning,
            stacklevel=4,
        )
