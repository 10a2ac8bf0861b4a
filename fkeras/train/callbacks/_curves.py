"""The numbers of a run as curves: a chart for each, with that of validation in the same chart."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core import Chart, Curve, Picture, charts_figure, charts_picture, did_you_mean, explain
from ...core.typing import ArrayLike

# Charts beyond so many are left out.
_MOST = 12
# What is the end of a picture's file, and of no number's name.
_FILE = re.compile(r"\.(png|svg|pdf|jpe?g|eps|webp)$", re.IGNORECASE)


def curves(
    history: Mapping[str, Sequence[ArrayLike]],
    epochs: Sequence[int],
    names: Sequence[str] | None = None,
    log: bool = False,
) -> list[Chart]:
    """A chart for each number, with that of validation in the same chart.

    Args:
        history: each number's values, one an epoch.
        epochs: the epochs.
        names: which numbers; all by default.
        log: whether the numbers stand on powers of ten.

    Returns:
        The charts of the numbers that have two values, at most 12 where no names are given.

    Raises:
        ValueError: a name that the run has no numbers of.

    >>> [len(chart.curves) for chart in curves({"loss": [0.9, 0.4], "val_loss": [1.0, 0.5]}, [0, 1])]
    [2]
    """
    lines = {name: np.asarray(values, float) for name, values in history.items() if not np.ndim(values[-1])}
    lines = {name: values for name, values in lines.items() if _drawable(values, log).sum() > 1}
    _check_names(names, lines, history, log, "history")
    wanted = lines if names is None else names
    plain = list(dict.fromkeys(n.removeprefix("val_") if n.removeprefix("val_") in lines else n for n in wanted))
    found = []
    for name in plain[: _MOST if names is None else None]:
        pair = [(word, lines[key]) for word, key in (("training", name), ("validation", f"val_{name}")) if key in lines]
        made = [Curve(word, np.asarray(epochs)[-len(values) :] + 1, values) for word, values in pair]
        found.append(Chart(name, tuple(made), "epoch", log_y=log, whole_x=True))
    return found


def figure_or_picture(charts: Sequence[Chart], title: str) -> Any:
    """Charts as a figure of matplotlib where it is installed, else as a `Picture`."""
    return charts_picture(charts, title) if importlib.util.find_spec("matplotlib") is None else charts_figure(charts)


def picture_in_columns(charts: Sequence[Chart], title: str, columns: int) -> Picture:
    """Charts as a `Picture`, so many beside each other.

    Raises:
        ValueError: no column.
    """
    if columns < 1:
        raise ValueError(explain("Charts stand in one column or more.", received=repr(columns), write="columns=1"))
    return charts_picture(charts, title, columns)


def _drawable(values: np.ndarray, log: bool) -> np.ndarray:
    return np.isfinite(values) & (values > 0) if log else np.isfinite(values)


def curves_of_members(
    tables: Mapping[str, np.ndarray],
    epochs: Sequence[int],
    members: Sequence[str],
    names: Sequence[str] | None = None,
    log: bool = False,
) -> list[Chart]:
    """A chart for each number, with a curve for each of many models.

    Args:
        tables: each number's values, of shape (members, epochs).
        epochs: the epochs.
        members: what each member is called.
        names: which numbers; all by default.
        log: whether the numbers stand on powers of ten.

    Returns:
        The charts of the numbers of which a member has two values, at most 12 where no names are given.

    Raises:
        ValueError: a name that the runs have no numbers of.

    >>> table = np.array([[0.9, 0.4], [0.8, np.nan], [0.7, 0.6]])
    >>> [[curve.name for curve in chart.curves] for chart in curves_of_members({"loss": table}, [0, 1], "abc")]
    [['a', 'b', 'c']]
    """
    lines = {n: table for n, table in tables.items() if any(_drawable(row, log).sum() > 1 for row in table)}
    _check_names(names, lines, tables, log, "histories")
    across, found = np.asarray(epochs) + 1, []
    for name in list(lines)[:_MOST] if names is None else names:
        rows = zip(members, lines[name], strict=True)
        made = [Curve(member, across, row) for member, row in rows if _drawable(row, log).any()]
        found.append(Chart(name, tuple(made), "epoch", log_y=log, whole_x=True))
    return found


def _check_names(
    names: Sequence[str] | None, lines: Mapping[str, object], known: Mapping[str, object], log: bool, owner: str
) -> None:
    """Refuse the names of numbers that have no curve.

    Args:
        names: what was asked for.
        lines: what has a curve.
        known: what there are numbers of.
        log: whether they stand on powers of ten.
        owner: what the lines to write call the history.
    """
    for name in names or ():
        if name in lines:
            continue
        if _FILE.search(name):
            other = f'{owner}.to_picture().save("{_FILE.sub(".svg", name)}")'
            raise ValueError(
                explain(
                    f"plot takes the names of numbers, and {name!r} is a file.",
                    received=repr(name),
                    usually="what plot returns is written to a file: a figure of matplotlib, where that is installed.",
                    write=f"{owner}.plot().savefig({name!r}), or {other}",
                )
            )
        raise ValueError(
            explain(
                f"There is no curve of {name!r}.",
                received=repr(name),
                usually=did_you_mean(name, lines)
                if name not in known
                else f"a curve has two numbers or more{', positive ones for log=True' * log}.",
                write=f"{owner}.plot([{next(iter(lines), 'loss')!r}])",
            )
        )
