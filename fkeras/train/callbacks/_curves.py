"""The numbers of a run as small curves: SVG that a notebook shows in light and in dark."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from ...core.typing import ArrayLike

# Pixels of one chart, and room for its texts.
_WIDTH, _HEIGHT, _TOP, _SIDE = 240, 120, 22, 6
# Colours that stand out from white and from black: of training, and of validation.
_COLOURS = ("#4c8bd6", "#e08a3c")
# Charts beyond so many, and points of a line beyond so many, are left out.
_MOST, _POINTS = 12, 200


def curves(history: Mapping[str, Sequence[ArrayLike]]) -> str:
    """A chart for each number, with that of validation in the same chart.

    Args:
        history: each number's values, one an epoch.

    Returns:
        HTML; nothing where no number has two values.

    >>> curves({"loss": [0.9, 0.4], "val_loss": [1.0, 0.5]}).count("<polyline")
    2
    """
    lines = {name: np.asarray(values, float) for name, values in history.items() if not np.ndim(values[-1])}
    lines = {name: values for name, values in lines.items() if np.isfinite(values).sum() > 1}
    names = [name for name in lines if name.removeprefix("val_") not in lines or not name.startswith("val_")]
    charts = [_chart(name, [lines.get(name), lines.get(f"val_{name}")]) for name in names[:_MOST]]
    return "".join(charts)


def _chart(name: str, lines: Sequence[np.ndarray | None]) -> str:
    numbers = np.concatenate([line[np.isfinite(line)] for line in lines if line is not None])
    low, high = float(numbers.min()), float(numbers.max())
    text, polylines = [f'<tspan font-weight="bold">{html.escape(name)}</tspan>'], []
    for line, colour in zip(lines, _COLOURS, strict=True):
        if line is None:
            continue
        polylines.append(
            f'<polyline points="{_points(line, low, high)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        text.append(f'<tspan dx="8" fill="{colour}">{line[-1]:.4g}</tspan>')
    right, box = _WIDTH - _SIDE - 2, f'width="{_WIDTH - 2 * _SIDE}" height="{_HEIGHT - _TOP - _SIDE}"'
    faint = 'text-anchor="end" fill="currentColor" opacity="0.6"'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="11" '
        f'font-family="sans-serif" style="margin:4px" role="img" aria-label="{html.escape(name)}">'
        f'<text x="{_SIDE}" y="14" fill="currentColor">{"".join(text)}</text>'
        f'<rect x="{_SIDE}" y="{_TOP}" {box} fill="none" stroke="currentColor" stroke-opacity="0.25"/>'
        f'{"".join(polylines)}<text x="{right}" y="{_TOP + 11}" {faint}>{high:.3g}</text>'
        f'<text x="{right}" y="{_HEIGHT - _SIDE - 3}" {faint}>{low:.3g}</text></svg>'
    )


def _points(line: np.ndarray, low: float, high: float) -> str:
    """The points of a line, those that are no number left out."""
    places = np.flatnonzero(np.isfinite(line))
    places = places[np.linspace(0, len(places) - 1, min(len(places), _POINTS)).astype(int)]
    x = _SIDE + places / max(len(line) - 1, 1) * (_WIDTH - 2 * _SIDE)
    span = (high - low) or 1.0
    y = _TOP + 4 + (high - line[places]) / span * (_HEIGHT - _TOP - _SIDE - 8)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
