"""What a run validates on, and when."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from ...core import explain
from .._batches._few_batches import part_of
from .._batches._sources import Arrays, Stream


@dataclasses.dataclass(frozen=True)
class Validation:
    """What a run validates on, and when.

    Attributes:
        source: the batches.
        steps: how many of them, `None` for all.
        frequency: after every how many epochs, or after which.
    """

    source: Arrays | Stream
    steps: int | None
    frequency: int | Collection[int]

    def is_due(self, epoch: int) -> bool:
        """Whether an epoch is followed by it."""
        if isinstance(self.frequency, int | np.integer):
            return (epoch + 1) % self.frequency == 0
        return epoch + 1 in self.frequency


def limited(
    source: Arrays | Stream | None, steps: int | None, **limits: int | float | None
) -> tuple[Arrays | Stream | None, int | None]:
    """What a run validates on, and how many batches of it.

    Args:
        source: the batches, `None` for no validation.
        steps: `validation_steps`.
        **limits: `limit_val_batches`, and arguments that limit the training and the validation alike: how many batches
            at most, or a fraction of them.

    Returns:
        `(the source, the number of batches)`.

    Raises:
        ValueError: two limits that say it differently, a wrong one, or one without validation.
    """
    if steps is not None and limits["limit_val_batches"] is not None:
        raise ValueError(
            explain(
                "validation_steps and limit_val_batches both say how many batches a validation has.",
                received=f"validation_steps={steps}, limit_val_batches={limits['limit_val_batches']}",
                write=f"validation_steps={steps}",
            )
        )
    asked = limits["limit_val_batches"]
    if asked is not None and not isinstance(asked, bool) and asked == 0:
        return None, None
    if source is None:
        if asked is not None:
            raise ValueError(
                explain(
                    "limit_val_batches says nothing here: there is nothing to validate on.",
                    received=f"limit_val_batches={asked}",
                    write=f"validation_data=(x_val, y_val), limit_val_batches={asked}",
                )
            )
        return None, steps
    counts = [] if steps is None else [steps]
    for name, value in limits.items():
        if value is not None:
            write = f"{name}=10 for so many batches, or 0.1 for a tenth of them"
            count = part_of(name, value, source.steps, write)
            counts.append(count if source.steps is None else min(count, source.steps))
    return source, min(counts, default=None)
