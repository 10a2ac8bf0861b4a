"""LearningRates: what each learning rate came to, as numbers and as a curve."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import numpy as np

from ...core import View, Viewed, explain, html_text

# Pixels of the curve, and room around it for the numbers.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 420, 220, 56, 30, 24
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
            ImportError: matplotlib is not installed; a notebook shows the curve without it.
        """
        try:
            figures = importlib.import_module("matplotlib.figure")
        except ImportError as error:
            raise ImportError(
                explain(
                    "plot() draws with matplotlib, which is not installed.",
                    usually="the curve needs none in a notebook, which shows the value itself; `to_svg()` is its text.",
                    write="pip install matplotlib",
                )
            ) from error
        figure = figures.Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.add_subplot()
        axes.set(xscale="log", xlabel="learning rate", ylabel=f"loss after {self.steps} steps", ylim=self._range())
        axes.plot(self.rates, np.minimum(self.losses, self._range()[1]), marker="o")
        axes.axvline(self.best, linestyle="--")
        axes.set_title(f"best: {self.best:.3g}")
        return figure

    def to_svg(self) -> str:
        """The curve as SVG, in the colours of the page that it stands in."""
        low, high = self._range()
        right, bottom = _WIDTH - 12, _HEIGHT - _BOTTOM
        logs = np.log10(self.rates)
        across = _LEFT + (logs - logs[0]) / (logs[-1] - logs[0]) * (right - _LEFT)
        down = bottom - (np.minimum(self.losses, high) - low) / (high - low) * (bottom - _TOP)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        best = int(np.argmin(self.losses))
        faint = 'fill="currentColor" opacity="0.7"'
        ticks = "".join(
            f'<text x="{_LEFT + (power - logs[0]) / (logs[-1] - logs[0]) * (right - _LEFT):.1f}" y="{_HEIGHT - 10}" '
            f'text-anchor="middle" {faint}>1e{power}</text>'
            for power in range(int(np.ceil(logs[0] - 1e-9)), int(np.floor(logs[-1] + 1e-9)) + 1)
        )
        return (
            f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="11" '
            f'font-family="sans-serif" role="img" aria-label="loss by learning rate">'
            f'<text x="{_LEFT}" y="15" fill="currentColor" font-weight="bold">'
            f"{html_text(f'loss by learning rate, after {self.steps} steps; best: {self.best:.3g}')}</text>"
            f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}" fill="none" '
            f'stroke="currentColor" stroke-opacity="0.25"/>'
            f'<text x="{_LEFT - 6}" y="{_TOP + 10}" text-anchor="end" {faint}>{high:.3g}</text>'
            f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end" {faint}>{low:.3g}</text>{ticks}'
            f'<line x1="{across[best]:.1f}" x2="{across[best]:.1f}" y1="{_TOP}" y2="{bottom}" stroke="#e08a3c" '
            f'stroke-dasharray="4 3"/>'
            f'<polyline points="{points}" fill="none" stroke="#4c8bd6" stroke-width="2"/>'
            f'<circle cx="{across[best]:.1f}" cy="{down[best]:.1f}" r="4" fill="#4c8bd6"/></svg>'
        )

    def _range(self) -> tuple[float, float]:
        """The losses at the lower and the upper edge."""
        finite = self.losses[np.isfinite(self.losses)]
        low = float(finite.min())
        high = min(float(finite.max()), max(_SHOWN * float(finite[0]), low + 1e-12))
        return low, high if high > low else low + 1.0

    def _view(self) -> View:
        return View(repr(self), self.to_svg())
