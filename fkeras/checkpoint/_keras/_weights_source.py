"""The protocol of what reads Keras's weights: one file, several shards, or a file with quantised layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from .._files._tree_arrays import ArraySpecs


class WeightsSource(Protocol):
    """Datasets by path, listed before any of them is read.

    Attributes:
        label: what the weights are called in messages.
        size: how many bytes they have on disk.
        specs: shape and dtype of each dataset, by its path.
    """

    label: str
    size: int
    specs: ArraySpecs

    def check_room(self, paths: Iterable[str]) -> None:
        """Refuse datasets that unpack to far more than the file holds, before memory is taken for them.

        Raises:
            ValueError: they would.
        """

    def read(self, path: str) -> np.ndarray:
        """One dataset as an array; its shape was compared with what is expected before.

        Raises:
            ValueError: it is damaged, or not what fkeras wrote.
        """
