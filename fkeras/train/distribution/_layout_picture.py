"""A layout as a picture: a box for each leaf and device, whose filled part is what the device holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...core import html_text

#: At most so many leaves, the largest, and devices, the first, are drawn: a picture is looked at, a table is read.
_LEAVES, _DEVICES = 40, 16
_BOX, _GAP, _LINE, _LETTER = 34, 12, 24, 6.6


class Row(Protocol):
    """What is drawn of a leaf."""

    @property
    def path(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def spec(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def parts(self) -> tuple[tuple[tuple[int, int], ...] | None, ...]: ...


def drawn(devices: Sequence[str], rows: Sequence[Row], held: Sequence[int], summary: str) -> str:
    """The picture as SVG, in the colour of the text around it.

    Args:
        devices: their names.
        rows: the leaves.
        held: the bytes on each device.
        summary: the line at the bottom.
    """
    shown = sorted(rows, key=lambda row: -row.bytes)[:_LEAVES]
    names, count = devices[:_DEVICES], min(len(devices), _DEVICES)
    label = 10 + _LETTER * max([len(f"{row.path} {row.shape}") for row in shown], default=0)
    width = label + count * (_BOX + _GAP) + 8 * _LETTER
    parts = [_text(label + i * (_BOX + _GAP), 16, name) for i, name in enumerate(names)]
    y = 26
    for row in shown:
        parts.append(f"<g><title>{html_text(f'{row.path} {row.spec}: {row.reason}')}</title>")
        parts.append(_text(4, y + 13, f"{row.path} {row.shape}"))
        for i, part in enumerate(row.parts[:count]):
            x = label + i * (_BOX + _GAP)
            box = f'x="{x:.1f}" y="{y}" width="{_BOX}" height="{_LINE - 6}"'
            parts.append(f'<rect {box} fill="none" stroke="currentColor"/>')
            if part is not None:
                parts.append(_filled(x, y, part, row.shape))
        parts.append("</g>")
        y += _LINE
    each = ", ".join(f"{name} {size:,}" for name, size in zip(names, held[:count], strict=True))
    lines = [f"bytes: {each}", f"a box is a whole leaf, and its filled part what the device holds; {summary}"]
    if len(rows) > len(shown) or len(devices) > count:
        lines.append(f"drawn: {len(shown)} of {len(rows)} leaves, the largest, and {count} of {len(devices)} devices")
    for line in lines:
        y += 16
        parts.append(_text(4, y, line))
    width = max(width, 10 + _LETTER * max(map(len, lines)))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y + 10}" width="{width:.0f}"'
    return f'{head} font-family="monospace" font-size="11" role="img"><title>layout</title>{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" fill="currentColor">{html_text(text)}</text>'


def _filled(x: float, y: float, part: Sequence[tuple[int, int]], shape: Sequence[int]) -> str:
    """The part of a box that a device holds: the first axis that is cut goes down, the second one across."""
    shares = [(a / n, b / n) for (a, b), n in zip(part, shape, strict=True) if n and b - a < n]
    across = shares.pop() if len(shares) > 1 or (shares and part[0] == (0, shape[0])) else (0.0, 1.0)
    down = shares[0] if shares else (0.0, 1.0)
    left, top = x + _BOX * across[0], y + (_LINE - 6) * down[0]
    wide, high = _BOX * (across[1] - across[0]), (_LINE - 6) * (down[1] - down[0])
    return (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{wide:.2f}" height="{high:.2f}" fill="currentColor" opacity=".6"/>'
    )
