"""A warning where a run goes on at another learning rate than the optimizer that was handed has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import optax

from ...core import explain
from ...train import Trainer, TrainState
from .._files._warnings import warn


def warn_of_rate(trainer: Trainer, state: TrainState, saved: optax.GradientTransformation | None) -> None:
    """Say that a run goes on at its own learning rate, where the optimizer that was handed has another.

    Args:
        trainer: the trainer with the optimizer that was handed.
        state: the state that was loaded.
        saved: the optimizer that the run was saved with; `None` where nothing says which.
    """
    handed, before, kept = _rate_of(trainer.optimizer), _rate_of(saved), trainer.get_learning_rate(state)
    if handed is None or kept is None or isinstance(kept, Mapping) or handed in (before, float(kept)):
        return
    warn(
        explain(
            f"The run goes on at the learning rate that it had, {float(kept):g}.",
            received=f"an optimizer with learning_rate={handed:g}",
            usually="the rate is part of the state, as a callback may have changed it.",
            write=f"state = trainer.set_learning_rate(state, {handed:g})",
        ),
    )


def _rate_of(optimizer: optax.GradientTransformation | None) -> float | None:
    """The initial learning rate of an optimizer of fkeras, or of one inside `accumulate`; `None` if it is no number."""
    rate = getattr(getattr(optimizer, "optimizer", optimizer), "learning_rate", None)
    return None if rate is None or callable(rate) else float(np.float32(rate))
