"""A layout as a picture: a box for each leaf and device, whose filled part is what the device holds."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Protocol

from ...core import html_text

#: At most so many leaves, the largest, and devices, the first, are drawn: a picture is looked at, a table is read.
_LEAVES, _DEVICES = 40, 16
_BOX, _GAP, _LINE, _LETTER = 30, 6, 24, 6.65
# To what share of its width it shrinks on a narrow page, before the page scrolls: letters of eight pixels.
_NARROW = 0.75
# Letters of a line of text below the boxes, where these are not wider.
_WIDTH = 90


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
    def on_host(self) -> bool: ...
    @property
    def parts(self) -> tuple[tuple[tuple[int, int], ...] | None, ...]: ...


def drawn(
    devices: Sequence[str], rows: Sequence[Row], held: Sequence[int], summary: str, on_host: Sequence[int] = ()
) -> str:
    """The picture as SVG, in the colour of the text around it.

    Args:
        devices: their names.
        rows: the leaves.
        held: the bytes on each device.
        summary: the line at the bottom.
        on_host: the bytes that each device has in the host's memory.
    """
    shown = sorted(rows, key=lambda row: -row.bytes)[:_LEAVES]
    names, count = devices[:_DEVICES], min(len(devices), _DEVICES)
    label = 12 + _LETTER * max([len(f"{row.path} {row.shape}") for row in shown], default=0)
    step = max(_BOX + _GAP, _LETTER * max(map(len, names)) + _GAP)
    box_width = step - _GAP
    width = label + count * step
    parts = [_text(label + i * step, 16, name) for i, name in enumerate(names)]
    y = 26
    for row in shown:
        parts.append(f"<g><title>{html_text(f'{row.path} {row.spec}: {row.reason}')}</title>")
        parts.append(_text(4, y + 13, f"{row.path} {row.shape}"))
        for i, part in enumerate(row.parts[:count]):
            x = label + i * step
            box = f'x="{x:.1f}" y="{y}" width="{box_width:.1f}" height="{_LINE - 6}"'
            dashes = ' stroke-dasharray="3 2"' if row.on_host else ""
            parts.append(f'<rect {box} fill="none" stroke="currentColor"{dashes}/>')
            if part is not None:
                parts.append(_filled(x, y, box_width, part, row.shape, ".25" if row.on_host else ".6"))
        parts.append("</g>")
        y += _LINE
    lines = [f"bytes: {_by_device(names, held)}"]
    if any(on_host):
        lines.append(f"bytes in the host's memory (dashed and fainter): {_by_device(names, on_host)}")
    lines += ["a box is a whole leaf, and its filled part what the device holds", summary]
    if len(rows) > len(shown) or len(devices) > count:
        lines.append(f"drawn: {len(shown)} of {len(rows)} leaves, the largest, and {count} of {len(devices)} devices")
    letters = max(_WIDTH, int((width - 8) / _LETTER))
    wrapped = [part for line in lines for part in textwrap.wrap(line, letters, subsequent_indent="  ")]
    for line in wrapped:
        y += 16
        parts.append(_text(4, y, line.replace("\N{NO-BREAK SPACE}", " ")))
    width = max(width, 8 + _LETTER * max(map(len, wrapped)))
    style = f"max-width:100%;min-width:{_NARROW * width:.0f}px;height:auto"
    box = f'viewBox="0 0 {width:.0f} {y + 10}" width="{width:.0f}" style="{style}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}'
    return f'{head} font-family="monospace" font-size="11" role="img"><title>layout</title>{"".join(parts)}</svg>'


def _by_device(names: Sequence[str], held: Sequence[int]) -> str:
    return ", ".join(f"{name}\N{NO-BREAK SPACE}{size:,}" for name, size in zip(names, held, strict=False))


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" fill="currentColor">{html_text(text)}</text>'


def _filled(
    x: float, y: float, width: float, part: Sequence[tuple[int, int]], shape: Sequence[int], opacity: str
) -> str:
    """The part of a box that a device holds: the first axis that is cut goes down, the second one across."""
    shares = [(a / n, b / n) for (a, b), n in zip(part, shape, strict=True) if n and b - a < n]
    across = shares.pop() if len(shares) > 1 or (shares and part[0] == (0, shape[0])) else (0.0, 1.0)
    down = shares[0] if shares else (0.0, 1.0)
    left, top = x + width * across[0], y + (_LINE - 6) * down[0]
    wide, high = width * (across[1] - across[0]), (_LINE - 6) * (down[1] - down[0])
    box = f'x="{left:.2f}" y="{top:.2f}" width="{wide:.2f}" height="{high:.2f}"'
    return f'<rect {box} fill="currentColor" opacity="{opacity}"/>'
