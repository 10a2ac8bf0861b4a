"""LearningRates: what each learning rate came to, as numbers and as a curve."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ...core import Chart, Curve, View, Viewed, charts_figure

# A loss above so many times the first one is drawn at the upper edge.
_SHOWN = 1.25


@dataclasses.dataclass(frozen=True, eq=False)
class LearningRates(Viewed):
    """The losses of a short run at many learning rates; `trainer.find_learning_rate` makes it.

    Attributes:
        rates: the rates, from low to high.
        losses: the mean loss at the end of each run; infinite where it did not stay finite.
        steps: how many steps each run had.

    >>> found = LearningRates(np.array([0.01, 0.1, 1.0]), np.array([0.5, 0.1, np.inf]), 100)
    >>> found.best, found
    (0.1, <LearningRates: best 0.1 of 3 from 0.01 to 1, after 100 steps each>)
    """

    rates: np.ndarray
    losses: np.ndarray
    steps: int

    @property
    def best(self) -> float:
        """The rate with the lowest loss."""
        return float(self.rates[int(np.argmin(self.losses))])

    def __repr__(self) -> str:
        low, high = self.rates[0], self.rates[-1]
        tried = f"{len(self.rates)} from {low:.3g} to {high:.3g}"
        return f"<LearningRates: best {self.best:.3g} of {tried}, after {self.steps} steps each>"

    def plot(self) -> Any:
        """The curve as a figure of matplotlib.

        Returns:
            A `matplotlib.figure.Figure`: `.savefig("rates.png")` writes it.

        Raises:
            ImportError: matplotlib is not installed; a notebook shows the curve without it, and `to_svg()` is its text.
        """
        return charts_figure([self._chart()])

    def to_svg(self) -> str:
        """The curve as SVG, on light and on dark ground."""
        return self._chart().picture().svg

    def _chart(self) -> Chart:
        """The losses by rate, those above the upper edge on it, and the best rate marked."""
        low, high = self._range()
        room = 0.06 * (high - low)
        return Chart(
            f"loss after {self.steps} steps; best: {self.best:.3g}",
            (Curve("loss", self.rates, np.minimum(self.losses, high)),),
            "learning rate",
            log_x=True,
            marked=self.best,
            range_y=(low - room, high + room),
        )

    def _range(self) -> tuple[float, float]:
        """The losses at the lower and the upper edge."""
        finite = self.losses[np.isfinite(self.losses)]
        low = float(finite.min())
        high = min(float(finite.max()), max(_SHOWN * float(finite[0]), low + 1e-12))
        return low, high if high > low else low + 1.0

    def _view(self) -> View:
        return View(repr(self), self.to_svg())
