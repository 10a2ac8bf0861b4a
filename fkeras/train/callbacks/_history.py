"""History: what `fit` returns beside the state."""

from __future__ import annotations

import html
from collections.abc import Hashable, Sequence
from typing import Any, NoReturn

import numpy as np

from ...core import Chart, Picture, explain
from ...core.typing import ArrayLike, PyTree
from ..losses._exact_key import exact_key
from ._curves import curves, figure_or_picture, picture_in_columns


class History:
    """The numbers of a run, epoch by epoch.

    Attributes:
        history: each log's values, `{"loss": [0.9, 0.4], "val_loss": […]}`.
        epoch: the epochs they belong to.
        params: what the run was asked for (`epochs`, `steps`).
        interrupted: whether Ctrl-C ended it.
        digests: by step, the digests of the state that `fk.callbacks.Digests` asked for.
        bad_batch: the batch of the step that `fit(check_nans=True)` ended at; `None` when all went well.

    >>> history = History()
    >>> history.add(0, {"loss": 0.5})
    >>> history.add(1, {"loss": 0.25})
    >>> history.history, history
    ({'loss': [0.5, 0.25]}, <History of 2 epochs: loss 0.25>)

    Reference: https://keras.io/api/callbacks/
    """

    def __init__(self, **params: int | None) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.params = params
        self.interrupted = False
        self.digests: dict[int, Any] = {}
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
        numbers = [f"{name} {_shown(values[-1])}" for name, values in self.history.items()]
        more = f", and {len(numbers) - _MOST} more" if len(numbers) > _MOST else ""
        return f"<History of {self._extent()}: {', '.join(numbers[:_MOST]) or 'no numbers'}{more}>"

    def _extent(self) -> str:
        count = len(self.epoch)
        return f"{count} epoch{'s' * (count != 1)}{', interrupted' * self.interrupted}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left">{html.escape(name)}</td><td>{html.escape(_shown(values[0]))}</td>'
            f"<td>{html.escape(_shown(values[-1]))}</td></tr>"
            for name, values in self.history.items()
        )
        table = f"<table><tr><th></th><th>first</th><th>last</th></tr>{rows}</table>" if rows else ""
        charts = "".join(chart.picture().svg for chart in curves(self.history, self.epoch))
        return f"<div>History of {html.escape(self._extent())}</div>{charts or table}"

    def plot(self, metrics: Sequence[str] | None = None, log: bool = False) -> Any:
        """The numbers as curves: training and validation of one number in one chart, the second one dashed.

        Args:
            metrics: the names of the numbers, `["loss", "accuracy"]`; all by default.
            log: whether they stand on powers of ten.

        Returns:
            A `matplotlib.figure.Figure` where matplotlib is installed, else a `fk.core.Picture`. A notebook shows
            either; `to_picture` is always the second.

        Raises:
            ValueError: a name that the run has no numbers of; a run of fewer than two epochs.

        >>> history = History()
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.4]):
        ...     history.add(epoch, {"loss": loss, "val_loss": loss + 0.1})
        >>> history.to_picture()
        <Picture of History of 3 epochs, 380 x 250 pixels>
        """
        return figure_or_picture(self._charts(metrics, log), f"History of {self._extent()}")

    def to_picture(self, metrics: Sequence[str] | None = None, log: bool = False, columns: int = 2) -> Picture:
        """The curves of `plot` as SVG: `.save("history.svg")` writes it.

        Args:
            metrics: the names of the numbers; all by default.
            log: whether they stand on powers of ten.
            columns: how many charts stand beside each other, 1 for a narrow page.

        Returns:
            A picture.

        Raises:
            ValueError: a name that the run has no numbers of; a run of fewer than two epochs.
        """
        return picture_in_columns(self._charts(metrics, log), f"History of {self._extent()}", columns)

    def _charts(self, metrics: Sequence[str] | None, log: bool) -> list[Chart]:
        names = [metrics] if isinstance(metrics, str) else metrics
        charts = curves(self.history, self.epoch, names, log)
        if not charts:
            raise ValueError(
                explain(
                    "A curve needs two epochs or more.",
                    received=repr(self),
                    usually="a run of one epoch, whose numbers are in history.history.",
                    write="trainer.fit(state, x, y, epochs=10)",
                )
            )
        return charts

    def __getattr__(self, name: str) -> NoReturn:
        if name in vars(self).get("history", ()):
            write, usually = f"history.history[{name!r}]", "each number's values are in the dict history.history."
        elif name == "model":
            write = "trainer.model, and the state for what was learnt: state, history = trainer.fit(state, x, y)"
            usually = "in Keras a history holds the model that it trained; here models hold nothing that was learnt."
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise AttributeError(
            explain(f"A history has no attribute {name!r}.", usually=usually, write=write), name=name, obj=self
        )

    def __getitem__(self, name: object) -> NoReturn:
        raise TypeError(
            explain(
                "A history is no dict itself.",
                received=f"history[{name!r}]",
                usually="its numbers are in history.history, one list for each name.",
                write=f"history.history[{next(iter(self.history), 'loss')!r}]",
            )
        )


# How many numbers a history names in its repr.
_MOST = 8


def _shown(value: ArrayLike) -> str:
    return (
        f"{value:.4g}" if isinstance(value, float) else f"of shape {np.shape(value)}" if np.ndim(value) else repr(value)
    )
