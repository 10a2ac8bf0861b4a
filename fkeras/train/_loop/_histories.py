"""Histories: the numbers of many runs, as a table of members and epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...core import Chart, Picture, did_you_mean, explain
from ...core.typing import ArrayLike, PyTree
from .._step._hyperparameters import _known
from .._step._learner import Learner
from ..callbacks import History
from ..callbacks._curves import curves_of_members, figure_or_picture, picture_in_columns
from ..callbacks._monitor import direction
from ..optimizers import Optimizer
from ..optimizers._numbers import with_numbers
from ._folds import Folds
from ._members import Member

#: A member's number; `None` where it had stopped.
Number = ArrayLike | None


class Histories(Sequence[History]):
    """What `fit_many` returns beside the states: a `History` for each member, and all of them as one table.

    Attributes:
        members: the members, with their seeds, hyperparameters and folds.
        history: each log's values, by epoch and then by member; `None` where a member had stopped.
        epoch: the epochs they belong to.
        kept: for each member the epoch whose weights it ended with, where a callback put them back.
        digests: none; the digests of one run are in its `History`.
        how: how the members ran, `"vmap"` or `"loop"`, and how many of them in one program.
        interrupted: whether Ctrl-C ended the run.

    >>> histories = Histories([Member(0), Member(1)], None)
    >>> histories.add(0, {"loss": [0.5, 0.75]}, [True, True])
    >>> histories.add(1, {"loss": [0.25, 0.0]}, [True, False])
    >>> histories, histories.best("loss"), histories[1].history
    (<Histories of 2 members: loss 0.25 to 0.75>, 0, {'loss': [0.75]})
    """

    def __init__(
        self,
        members: Sequence[Member],
        trainer: Learner | None,
        goals: Mapping[str, str | None] | None = None,
        folds: Folds | None = None,
    ) -> None:
        self.members = tuple(members)
        self.history: dict[str, list[list[Number]]] = {}
        self.epoch: list[int] = []
        self.kept: dict[int, int] = {}
        self.digests: dict[int, int] = {}
        self.how = ("vmap", len(self.members))
        self.interrupted = False
        self._trainer, self._goals, self._folds = trainer, dict(goals or {}), folds

    def add(self, epoch: int, logs: Mapping[str, Sequence[Number]], active: Sequence[bool]) -> None:
        """One more epoch's numbers.

        Args:
            epoch: the epoch.
            logs: for each name a number of each member; what is not there for any member is left out.
            active: which members trained in it.
        """
        for name, values in logs.items():
            rows = self.history.setdefault(name, [[None] * len(self.members) for _ in self.epoch])
            rows.append([value if here else None for value, here in zip(values, active, strict=True)])
        self.epoch.append(epoch)
        for name, rows in self.history.items():
            if name not in logs:
                rows.append([None] * len(self.members))

    # ------------------------------------------------------------------ by member
    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, i: PyTree) -> PyTree:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        if isinstance(i, str) or not hasattr(i, "__index__"):
            raise TypeError(
                explain(
                    "Histories are read by the number of a member.",
                    received=f"histories[{i!r}]",
                    usually="the table, which has the numbers of all members.",
                    write=f"histories[0].history[{i!r}], histories.values({i!r})" if isinstance(i, str) else "",
                )
            )
        place = range(len(self))[i]
        found = History(epochs=len(self.epoch), steps=None)
        for row, epoch in enumerate(self.epoch):
            numbers = {name: rows[row][place] for name, rows in self.history.items() if rows[row][place] is not None}
            if numbers:
                found.add(epoch, numbers)  # type: ignore[arg-type]
        found.interrupted = self.interrupted
        return found

    def __iter__(self) -> Iterator[History]:
        return (self[i] for i in range(len(self)))

    def values(self, name: str) -> np.ndarray:
        """A number of all members in all epochs, of shape (members, epochs); NaN where a member had stopped."""
        rows = self._rows(name)
        return np.array([[np.nan if value is None else value for value in row] for row in rows], float).T

    def _rows(self, name: str) -> list[list[Number]]:
        if name not in self.history:
            raise ValueError(
                explain(
                    f"The histories have no number {name!r}.",
                    received=", ".join(self.history),
                    usually="no validation data." if name.startswith("val_") else did_you_mean(name, self.history),
                    write=f"histories.best({next(iter(self.history), 'loss')!r})",
                )
            )
        return self.history[name]

    def ended_with(self, name: str) -> np.ndarray:
        """A number of each member in the epoch that its weights are of: its last one, or the best that was put back."""
        rows, found = self._rows(name), []
        for i in range(len(self)):
            known = {epoch: row[i] for epoch, row in zip(self.epoch, rows, strict=True) if row[i] is not None}
            last = next(reversed(known.values()), math.nan)
            found.append(known.get(self.kept.get(i, -1), last))
        return np.array(found, float)

    def best(self, monitor: str = "val_loss", mode: str = "auto") -> int:
        """The number of the member that ended best.

        Each is judged by the epoch that its weights are of. A member whose number is NaN is never the best.

        Args:
            monitor: the number's name in the logs.
            mode: `"min"`, `"max"`, or `"auto"`: the metric says which way is better.

        Returns:
            A number from 0 on, which `member` takes.

        Raises:
            ValueError: no such number, nobody can tell which way is better, or each member's is NaN.
        """
        found = self.ended_with(monitor)
        if np.isnan(found).all():
            raise ValueError(
                explain(
                    f"No member is the best: {monitor!r} is NaN in each.",
                    usually="learning rates that are all too high.",
                    write='over={"learning_rate": [1e-3, 1e-4]}',
                )
            )
        goal = direction("histories.best", monitor, mode, self._goals)
        return int(np.nanargmax(found) if goal == "max" else np.nanargmin(found))

    def trainer(self, i: int) -> Learner:
        """The trainer of a member, with its hyperparameters in the optimizer: what its state goes on in.

        >>> import fkeras as fk
        >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile(fk.optimizers.SGD(0.1), "mse")
        >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
        >>> states, histories = trainer.fit_many(x, y, over={"learning_rate": [0.1, 0.5]}, verbose=0)
        >>> histories.trainer(1).optimizer
        SGD(learning_rate=0.5)
        """
        return _trainer_of(self._trainer, self.members[i])  # type: ignore[arg-type]

    def validation_rows(self, i: int) -> np.ndarray:
        """Which rows a member was validated on, with `folds`."""
        fold = self.members[i].fold
        if self._folds is None or fold is None:
            raise ValueError(explain("The members have no folds.", write="trainer.fit_many(x, y, folds=5)"))
        return self._folds.held_out(fold)

    # ------------------------------------------------------------------ as a table
    def rows(self) -> list[dict[str, Number]]:
        """The table as a list of dicts, by member and epoch: the member, what tells it from others, its numbers."""
        found = []
        for i, member in enumerate(self.members):
            for row, epoch in enumerate(self.epoch):
                numbers = {name: rows[row][i] for name, rows in self.history.items()}
                if any(value is not None for value in numbers.values()):
                    found.append({"member": i, **member.columns, "epoch": epoch, **numbers})
        return found

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`, a row for each member and epoch.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                explain(
                    "A table of pandas needs pandas, which is not installed.",
                    write="pip install pandas   # or histories.rows(), a list of dicts",
                )
            ) from error
        return pandas.DataFrame(self.rows())

    # ------------------------------------------------------------------ as curves
    def plot(self, metrics: Sequence[str] | None = None, log: bool = False) -> Any:
        """The numbers as curves: a chart for each, with a curve for each member.

        Args:
            metrics: the names of the numbers, `["val_loss"]`; all by default.
            log: whether they stand on powers of ten.

        Returns:
            A `matplotlib.figure.Figure` where matplotlib is installed, else a `fk.core.Picture`, which `to_picture` is
            always.

        Raises:
            ValueError: a name that the runs have no numbers of; runs of fewer than two epochs.

        >>> histories = Histories([Member(0), Member(1)], None)
        >>> histories.add(0, {"loss": [0.5, 0.75]}, [True, True])
        >>> histories.add(1, {"loss": [0.25, 0.5]}, [True, True])
        >>> histories.to_picture("loss")
        <Picture of Histories of 2 members, 380 x 250 pixels>
        """
        return figure_or_picture(self._charts(metrics, log), f"Histories of {len(self)} members")

    def to_picture(self, metrics: Sequence[str] | None = None, log: bool = False, columns: int = 2) -> Picture:
        """The curves of `plot` as SVG: `.save("histories.svg")` writes it.

        Args:
            metrics: the names of the numbers; all by default.
            log: whether they stand on powers of ten.
            columns: how many charts stand beside each other, 1 for a narrow page.

        Returns:
            A picture.

        Raises:
            ValueError: a name that the runs have no numbers of; runs of fewer than two epochs; no column.
        """
        return picture_in_columns(self._charts(metrics, log), f"Histories of {len(self)} members", columns)

    def _charts(self, metrics: Sequence[str] | None, log: bool) -> list[Chart]:
        names = [metrics] if isinstance(metrics, str) else metrics
        tables = {
            name: self.values(name)
            for name, rows in self.history.items()
            if not any(np.ndim(value) for row in rows for value in row if value is not None)
        }
        charts = curves_of_members(tables, self.epoch, self._labels(), names, log)
        if not charts:
            raise ValueError(
                explain(
                    "A curve needs two epochs or more.",
                    received=repr(self),
                    usually="runs of one epoch, whose numbers are in histories.history.",
                    write="trainer.fit_many(x, y, seeds=range(4), epochs=10)",
                )
            )
        return charts

    def _labels(self) -> list[str]:
        """What tells each member from the others."""
        columns = [member.columns for member in self.members]
        differ = [name for name in columns[0] if len({str(each[name]) for each in columns}) > 1] or ["seed"]
        return [", ".join(f"{name} {each[name]:g}" for name in differ) for each in columns]

    def __repr__(self) -> str:
        shown = []
        for name in self.history:
            ended = self.ended_with(name)
            if not np.isnan(ended).all():
                low, high = (f"{value:.4g}" for value in (np.nanmin(ended), np.nanmax(ended)))
                shown.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
        count = len(self.members)
        return f"<Histories of {count} member{'s' * (count != 1)}: {', '.join(shown) or 'no numbers'}>"


def _trainer_of(trainer: Learner, member: Member) -> Learner:
    """The trainer with a member's numbers: those of `optax.inject_hyperparams` are in its state already."""
    known = _known(trainer, None)
    own = {known[name].place: value for name, value in member.numbers.items() if not known[name].path}
    optimizer = with_numbers(trainer.optimizer, own)
    if "learning_rate" in member.numbers and isinstance(optimizer, Optimizer):
        optimizer = optimizer.replace(learning_rate=member.numbers["learning_rate"])
    return trainer.replace(optimizer=optimizer)
