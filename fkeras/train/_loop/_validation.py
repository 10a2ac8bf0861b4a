"""What a run validates on, and when."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

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
