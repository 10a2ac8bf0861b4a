"""first_difference: where two runs parted, told by the digests in their histories."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..core import describe
from ..core import explain as explanation
from .callbacks import History


@dataclasses.dataclass(frozen=True)
class FirstDifference:
    """Where two runs parted.

    Attributes:
        unit: what is counted: `"step"`, or `"epoch"` where the histories have one digest an epoch.
        equal: the last point at which the two states had equal digests; `None` where there was none.
        different: the first one at which they had not.
        compared: how many points both histories have.
    """

    unit: str
    equal: int | None
    different: int
    compared: int

    def __str__(self) -> str:
        here = f"The states differ after {self.unit} {self.different}"
        if self.equal is None:
            return f"{here}, the first that was compared."
        return f"{here}, and were equal after {self.unit} {self.equal} ({self.compared} {self.unit}s compared)."


def first_difference(history: History, other: History) -> FirstDifference | None:
    """Where two runs parted: the first point at which the digests of their states differ.

    Args:
        history, other: of runs with `callbacks=fk.callbacks.Digests(every=...)`, whose points are numbers of steps; or
            of `compile(log=["digest"])`, which has one an epoch, that of its last step.

    Returns:
        The difference; `None` where all digests that both have are equal.

    Raises:
        TypeError: something else than a history.
        ValueError: they have no point in common.

    >>> import fkeras as fk, numpy as np
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> asked = dict(batch_size=2, shuffle=False, callbacks=fk.callbacks.Digests(every=1), verbose=0)
    >>> state = trainer.init(0)
    >>> _, history = trainer.fit(state, x, y, **asked)
    >>> _, again = trainer.fit(state, x, y, **asked)
    >>> x[5] = 2
    >>> _, other = trainer.fit(state, x, y, **asked)
    >>> print(fk.train.first_difference(history, again), fk.train.first_difference(history, other), sep="\\n")
    None
    The states differ after step 3, and were equal after step 2 (4 steps compared).
    """
    unit, (mine, its) = _points(history, other)
    common = sorted(mine.keys() & its.keys())
    if not common:
        raise ValueError(
            explanation(
                "These histories have no digest in common.",
                received="; ".join(_said(points, unit) for points in (mine, its)),
                usually="a run without digests, or two rhythms that never meet.",
                write="fit(..., callbacks=fk.callbacks.Digests(every=100)), in both runs",
            )
        )
    equal = None
    for point in common:
        if int(mine[point]) != int(its[point]):
            return FirstDifference(unit, equal, point, len(common))
        equal = point
    return None


def _points(*histories: History) -> tuple[str, list[Mapping[int, float]]]:
    """What both have: digests by step, else by epoch, counted from 1."""
    for history in histories:
        if not isinstance(history, History):
            raise TypeError(
                explanation(
                    "`first_difference` compares two histories.",
                    received=describe(history),
                    write="state, history = trainer.fit(...); fk.train.first_difference(history, other)",
                )
            )
    if all(history.digests for history in histories):
        return "step", [history.digests for history in histories]
    by_epoch = [dict(zip((e + 1 for e in h.epoch), h.history.get("digest", ()), strict=False)) for h in histories]
    if any(by_epoch):
        return "epoch", list(by_epoch)
    return "step", [history.digests for history in histories]


def _said(points: Mapping[int, float], unit: str) -> str:
    return f"{len(points)} {unit}s, {min(points)} to {max(points)}" if points else "none"
