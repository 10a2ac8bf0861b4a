"""History: what `fit` returns beside the state."""

from __future__ import annotations

from collections.abc import Hashable

from ...core.typing import PyTree
from ..losses._exact_key import exact_key


class History:
    """The numbers of a run, epoch by epoch.

    Attributes:
        history: each log's values, `{"loss": [0.9, 0.4], "val_loss": […]}`.
        epoch: the epochs they belong to.
        params: what the run was asked for (`epochs`, `steps`).
        interrupted: whether Ctrl-C ended it.
        bad_batch: the batch of the step that `fit(check_nans=True)` ended at; `None` when all went well.

    >>> history = History()
    >>> history.add(0, {"loss": 0.5})
    >>> history.history
    {'loss': [0.5]}

    Reference: https://keras.io/api/callbacks/
    """

    def __init__(self, **params: int | None) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.params = params
        self.interrupted = False
        self.bad_batch: PyTree = None

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """One more epoch's numbers."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch, of those that every epoch has.

        >>> history = History()
        >>> history.add(0, {"loss": 0.5, "val_loss": 0.75})
        >>> history.add(1, {"loss": 0.25})
        >>> history.last()
        {'loss': 0.25}
        """
        return {name: values[-1] for name, values in self.history.items() if len(values) == len(self.epoch)}

    def _key(self) -> Hashable:
        return (type(self), exact_key(vars(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(type(self))  # what it holds grows, so it cannot be part of it

    def __repr__(self) -> str:
        last = {k: v[-1] for k, v in self.history.items()}
        return f"<History of {len(self.epoch)} epochs, last {last}>"
