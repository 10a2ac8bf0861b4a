"""The numbers of a run as curves: a chart for each, with that of validation in the same chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...core import Chart, Curve, did_you_mean, explain
from ...core.typing import ArrayLike

# Charts beyond so many are left out.
_MOST = 12


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
    for name in names or ():
        if name not in lines:
            raise ValueError(
                explain(
                    f"There is no curve of {name!r}.",
                    received=repr(name),
                    usually=did_you_mean(name, lines)
                    if name not in history
                    else f"a curve has two numbers or more{', positive ones for log=True' * log}.",
                    write=f"history.plot([{next(iter(lines), 'loss')!r}])",
                )
            )
    wanted = lines if names is None else names
    plain = list(dict.fromkeys(n.removeprefix("val_") if n.removeprefix("val_") in lines else n for n in wanted))
    found = []
    for name in plain[: _MOST if names is None else None]:
        pair = [(word, lines[key]) for word, key in (("training", name), ("validation", f"val_{name}")) if key in lines]
        made = [Curve(word, np.asarray(epochs)[-len(values) :] + 1, values) for word, values in pair]
        found.append(Chart(name, tuple(made), "epoch", log_y=log))
    return found


def _drawable(values: np.ndarray, log: bool) -> np.ndarray:
    return np.isfinite(values) & (values > 0) if log else np.isfinite(values)
