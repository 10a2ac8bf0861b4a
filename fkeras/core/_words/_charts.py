"""Curves in a chart: drawn as SVG by what is here, or by matplotlib."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._picture import Picture, needed, svg_of
from ._views import html_text

# Pixels of a chart, and the room around its curves; a legend has a line of its own.
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 380, 250, 58, 16, 34, 42
_GAP, _LEGEND = 16, 18
# Of a line so many points are drawn at most.
_POINTS = 200
# Each curve's colour and dashes: it is told from the others without its colour too.
_PENS = (("a", ""), ("b", "7 4"), ("c", "2 3"), ("d", "9 3 2 3"))
_COLOURS = {"a": "#3b82d6", "b": "#e0703a", "c": "#2f9e63", "d": "#8b5cf6"}

STYLE = (
    ".ground{fill:#fff}text{fill:#1f2328;font-size:12px}.faint{fill:#57606a;font-size:11px}"
    ".grid{stroke:#d8dee4}.edge{stroke:#8c96a3;fill:none}.mark{stroke:#57606a;"
    "stroke-dasharray:4 3}.pen{fill:none;stroke-width:2;stroke-linejoin:round}"
    + "".join(f".{n}{{stroke:{c}}}.dot-{n}{{fill:{c}}}" for n, c in _COLOURS.items())
    + "@media(prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}"
    ".faint{fill:#a3adb8}.grid{stroke:#2a313a}.edge{stroke:#6b7683}"
    ".mark{stroke:#a3adb8}}"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A line of numbers; those that are not finite are left out."""

    name: str
    x: np.ndarray
    y: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Chart:
    """Curves over one axis.

    Attributes:
        title: what they are.
        curves: the lines, at most four of which differ in how they are drawn; of more an SVG has no legend.
        x_label: what goes to the right.
        log_x, log_y: whether an axis has powers of ten; a curve's numbers that are not positive are left out there.
        marked: where on the axis a line is drawn.
        range_y: the numbers at the lower and the upper edge; those of the curves by default.
        whole_x: whether what goes to the right is counted, so that only whole numbers stand below it.
    """

    title: str
    curves: tuple[Curve, ...]
    x_label: str = ""
    log_x: bool = False
    log_y: bool = False
    marked: float | None = None
    range_y: tuple[float, float] | None = None
    whole_x: bool = False

    def picture(self) -> Picture:
        """The chart as SVG."""
        return charts_picture([self], self.title)


def charts_picture(charts: Sequence[Chart], title: str, columns: int = 2) -> Picture:
    """Charts beside and below each other as SVG.

    Args:
        charts: at least one.
        title: what they show.
        columns: how many stand beside each other, 1 for a narrow page.

    Returns:
        A picture.

    >>> curve = Curve("loss", np.arange(3), np.array([0.9, 0.5, 0.4]))
    >>> charts_picture([Chart("loss", (curve,), "epoch")], "a run")
    <Picture of a run, 380 x 250 pixels>
    """
    across = min(columns, len(charts))
    down = -(-len(charts) // across)
    width, height = across * _WIDTH + (across - 1) * _GAP, down * _HEIGHT + (down - 1) * _GAP
    parts = [
        f'<g transform="translate({i % across * (_WIDTH + _GAP)} {i // across * (_HEIGHT + _GAP)})">{_drawn(chart)}</g>'
        for i, chart in enumerate(charts)
    ]
    ground = f'<rect width="{width}" height="{height}" rx="8" class="ground"/>'
    words = "; ".join(_words(chart) for chart in charts)
    return Picture(svg_of(width, height, title, words, ground + "".join(parts), "chart", STYLE), width, height, title)


def charts_figure(charts: Sequence[Chart]) -> Any:
    """The same as a figure of matplotlib.

    Args:
        charts: at least one.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figures = needed("matplotlib.figure", "a figure", "matplotlib", "the curves are drawn as SVG without it.")
    across, down = min(2, len(charts)), -(-len(charts) // 2)
    figure = figures.Figure(figsize=(5.2 * across, 3.3 * down), layout="constrained")
    for i, chart in enumerate(charts):
        axes = figure.add_subplot(down, across, i + 1)
        for curve, (_, dashes) in zip(chart.curves, _PENS * len(chart.curves), strict=False):
            style = (0, tuple(map(float, dashes.split()))) if dashes else "-"
            axes.plot(curve.x, curve.y, linestyle=style, marker="o" if len(curve.x) < 30 else None, label=curve.name)
        axes.set(title=chart.title, xlabel=chart.x_label)
        axes.set(**{f"{axis}scale": "log" for axis, log in (("x", chart.log_x), ("y", chart.log_y)) if log})
        if chart.whole_x and not chart.log_x:
            axes.xaxis.get_major_locator().set_params(integer=True)
        if chart.range_y:
            axes.set_ylim(*chart.range_y)
        if chart.marked is not None:
            axes.axvline(chart.marked, linestyle="--", color="grey")
        if len(chart.curves) > 1:
            axes.legend()
    return figure


# ------------------------------------------------------------------ SVG
def _drawn(chart: Chart) -> str:
    points = [_finite(chart, curve) for curve in chart.curves]
    xs, ys = (np.concatenate([pair[i] for pair in points]) for i in (0, 1))
    low, high = chart.range_y or _widened(float(ys.min()), float(ys.max()), chart.log_y)
    first, last = _widened(float(xs.min()), float(xs.max()), chart.log_x, room=0.0)
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    top = _TOP + _LEGEND * (1 < len(points) <= len(_PENS))

    def across(x: Any) -> Any:
        return _LEFT + _share(x, first, last, chart.log_x) * (right - _LEFT)

    def over(y: Any) -> Any:
        return bottom - _share(y, low, high, chart.log_y) * (bottom - top)

    parts = []
    for value, text in ticks(low, high, chart.log_y, 5):
        parts.append(f'<path d="M{_LEFT} {over(value):.1f}H{right}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 7}" y="{over(value) + 4:.1f}" text-anchor="end" class="faint">{text}</text>')
    for value, text in ticks(first, last, chart.log_x, 6, chart.whole_x):
        at = f'x="{across(value):.1f}" y="{bottom + 16}"'
        parts.append(f'<text {at} text-anchor="middle" class="faint">{text}</text>')
    parts.append(f'<path d="M{_LEFT} {top}V{bottom}H{right}" class="edge"/>')
    if chart.marked is not None:
        parts.append(f'<path d="M{across(chart.marked):.1f} {top}V{bottom}" class="mark"/>')
    for (x, y), (pen, dashes) in zip(points, _PENS * len(points), strict=False):
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across(x), over(y), strict=True))
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<polyline points="{line}" class="pen {pen}"{dashed}/>')
        if len(x) < 30:
            parts += [
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" class="dot-{pen}"/>'
                for a, b in zip(across(x), over(y), strict=True)
            ]
    parts.append(_legend(chart, points))
    label = f'x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 9}"'
    parts.append(f'<text {label} text-anchor="middle" class="faint">{html_text(chart.x_label)}</text>')
    return "".join(parts)


def _legend(chart: Chart, points: Sequence[tuple[np.ndarray, np.ndarray]]) -> str:
    """The title; and of two to four lines a piece of each, with its name and its last number."""
    parts = [f'<text x="12" y="21" font-weight="bold">{html_text(_cut(chart.title, 44))}</text>']
    if not 1 < len(points) <= len(_PENS):
        return "".join(parts)
    each = (_WIDTH - _LEFT) / len(points)
    for i, (curve, (_, y), (pen, dashes)) in enumerate(zip(chart.curves, points, _PENS * len(points), strict=False)):
        x, text = _LEFT + i * each, _cut(f"{curve.name} {y[-1]:.3g}", int((each - 34) / 7))
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<path d="M{x:.0f} 37h22" class="pen {pen}"{dashed}/>')
        parts.append(f'<text x="{x + 28:.0f}" y="41" class="faint">{html_text(text)}</text>')
    return "".join(parts)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _words(chart: Chart) -> str:
    """A chart in words: where each line begins and ends."""
    lines = []
    for curve in chart.curves:
        _, y = _finite(chart, curve)
        lines.append(f"{curve.name} from {y[0]:.3g} to {y[-1]:.3g}")
    return f"{chart.title} by {chart.x_label}: {', '.join(lines)}"


def _finite(chart: Chart, curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """The points of a curve that can be drawn, of very many a part."""
    x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
    kept = np.isfinite(y) & ((y > 0) | (not chart.log_y)) & ((x > 0) | (not chart.log_x))
    places = np.flatnonzero(kept)
    places = places[np.linspace(0, len(places) - 1, min(len(places), _POINTS)).astype(int)]
    return x[places], y[places]


def _share(value: Any, low: float, high: float, log: bool) -> Any:
    """How far between two numbers one lies, from 0 to 1."""
    if log:
        value, low, high = np.log10(value), math.log10(low), math.log10(high)
    return (np.asarray(value, float) - low) / (high - low)


def _widened(low: float, high: float, log: bool, room: float = 0.06) -> tuple[float, float]:
    """A range with some room at both ends, also where there is one number."""
    if log:
        a, b = _widened(math.log10(low), math.log10(high), False, room)
        return 10**a, 10**b
    span = (high - low) or abs(high) or 1.0
    if high == low:
        room = 0.5
    return low - room * span, high + room * span


def ticks(low: float, high: float, log: bool, most: int, whole: bool = False) -> list[tuple[float, str]]:
    """Round numbers in a range, with their texts.

    Args:
        low, high: the range.
        log: whether they are powers of ten.
        most: how many there are, about.
        whole: whether they are whole numbers, but for powers of ten.

    Returns:
        `(number, text)`.

    >>> [text for _, text in ticks(0.0, 1.0, False, 5)]
    ['0', '0.2', '0.4', '0.6', '0.8', '1']
    >>> [text for _, text in ticks(0.01, 10.0, True, 5)]
    ['1e-2', '1e-1', '1e0', '1e1']
    >>> [text for _, text in ticks(1.0, 3.0, False, 6, whole=True)]
    ['1', '2', '3']
    """
    if log:
        powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        if len(powers) > 1:
            step = max(1, -(-len(powers) // (most + 1)))
            return [(10.0**power, f"1e{power}") for power in powers[::step]]
    rough = (high - low) / most
    size = 10 ** math.floor(math.log10(rough))
    step_size = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    step_size = max(step_size, 1) if whole else step_size
    count = range(math.ceil(low / step_size - 1e-9), math.floor(high / step_size + 1e-9) + 1)
    return [(i * step_size, f"{i * step_size:.6g}") for i in count]
