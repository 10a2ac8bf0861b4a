"""How long a run is: steps of an epoch, and the epoch to end at."""

from __future__ import annotations

import numpy as np

from ...core import explain


def run_lengths(
    epochs: int | None, initial_epoch: int, steps_per_epoch: int | None, max_steps: int | None, every: int | None
) -> tuple[int | None, float]:
    """`(steps of an epoch, the epoch to end at)`."""
    for name, value in (("max_steps", max_steps), ("validate_every", every), ("steps_per_epoch", steps_per_epoch)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1):
            raise ValueError(
                explain(f"{name} must be a positive number of steps.", received=repr(value), write=f"{name}=100")
            )
    if every is not None:
        if steps_per_epoch is not None:
            raise ValueError(
                explain(
                    "validate_every and steps_per_epoch both say how many steps an epoch has.",
                    received=f"validate_every={every}, steps_per_epoch={steps_per_epoch}",
                    write=f"validate_every={every}",
                )
            )
        steps_per_epoch = every
    if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 0):
        raise ValueError(
            explain(
                "epochs is the number of the epoch to end at.",
                received=repr(epochs),
                usually="a run without end was meant.",
                write="fit(..., max_steps=10_000) without epochs",
            )
        )
    if epochs is None:
        return steps_per_epoch, float("inf") if max_steps is not None else initial_epoch + 1
    return steps_per_epoch, epochs
