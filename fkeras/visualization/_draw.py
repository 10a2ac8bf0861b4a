"""A placed diagram as SVG: cards with a coloured edge, frames around what is nested, lines with arrows."""

from __future__ import annotations

import math

from ..core import html_text
from ._diagram import Box
from ._layout._place import AROUND, Line, Placed, PlacedBox, Point, Size
from ._text_width import text_width

#: Room around the picture.
MARGIN = 20.0
_TITLE, _TEXT, _LINE = 14.0, 12.0, 17.0
_SIDE, _ABOVE, _BELOW = 16.0, 9.0, 10.0
_STRIPE, _ROUND = 5.0, 6.0
_STACK = 8.0
_TURN, _HEAD = 7.0, 7.0
_LEAST = 72.0

# The colour of each kind of layer: it says nothing that the words do not say.
_COLOURS = {
    "input": "#6e7781",
    "conv": "#3b82d6",
    "dense": "#8b5cf6",
    "norm": "#2f9e63",
    "activation": "#d99a12",
    "pool": "#e0703a",
    "recurrent": "#0e9aa7",
    "attention": "#d6489a",
    "embedding": "#7a8b1f",
    "regular": "#a1887f",
    "merge": "#57606a",
    "model": "#3f51b5",
    "run": "#57606a",
    "other": "#607d8b",
}


def style_of(families: set[str]) -> str:
    """The rules of a picture with these kinds of layers, on light and on dark ground."""
    colours = "".join(f".{name}{{fill:{_COLOURS[name]}}}" for name in sorted(families))
    return (
        ".ground{fill:#fff}.card{fill:#fff;stroke:#c4ccd5}.frame{fill:#f5f7fa;stroke:#8c96a3;"
        "stroke-dasharray:5 4}.head{fill-opacity:.14}.tint{fill-opacity:.07}"
        "text{fill:#1f2328;font-size:12px}.title{font-size:14px}.name{font-weight:700}"
        ".more{fill:#57606a}.line{fill:none;stroke:#76808c;stroke-width:1.5}"
        ".tip{fill:#76808c}.badge{fill:#1f2328}.count{fill:#fff;font-weight:700}"
        f".stack{{fill:none;stroke:#8c96a3}}.dot{{stroke:#57606a;stroke-width:1.5}}{colours}"
        "@media(prefers-color-scheme:dark){.ground{fill:#0d1117}.card{fill:#161b22;stroke:#3d444d}"
        ".frame{fill:#11161d;stroke:#6b7683}.head{fill-opacity:.3}.tint{fill-opacity:.14}"
        "text{fill:#e6edf3}.more{fill:#a3adb8}.line{stroke:#8b949e}.tip{fill:#8b949e}"
        ".badge{fill:#e6edf3}.count{fill:#0d1117}.stack{stroke:#6b7683}"
        ".dot{stroke:#a3adb8}}"
    )


# ------------------------------------------------------------------ sizes
def measured(box: Box) -> Size:
    """How large a box is; of one with something inside, the least, and the room around that."""
    lines = _lines(box)
    title = _title_width(box) + (_badge_width(box) + 8 if box.times > 1 else 0)
    widest = max([title, *(text_width(line, _TEXT) + 14 * _has_dot(box, i) for i, line in enumerate(lines))])
    width = math.ceil(max(_LEAST, widest + 2 * _SIDE + _STRIPE))
    head = _ABOVE + 18 + _LINE * len(lines) + (_BELOW - 2 if not lines else _BELOW - 4)
    stack = _STACK if box.times > 1 else 0.0
    if box.inside is None:
        return Size(width, head + stack)
    return Size(width, head + 2 * AROUND + stack, AROUND, head + AROUND, AROUND, AROUND + stack)


def _title_width(box: Box) -> float:
    if not box.name:
        return text_width(box.kind, _TITLE, bold=True)
    return text_width(box.name, _TITLE, bold=True) + text_width(f" ({box.kind})", _TITLE)


def _lines(box: Box) -> list[str]:
    trains = {None: [], True: ["Trainable"], False: ["Non-trainable"]}[box.trains]
    return [*box.lines, *trains]


def _has_dot(box: Box, number: int) -> bool:
    return box.trains is not None and number == len(box.lines)


def _badge_width(box: Box) -> float:
    return text_width(f"×{box.times}", _TEXT, bold=True) + 14


# ------------------------------------------------------------------ pieces
def drawn(placed: Placed, splines: str) -> str:
    """The boxes and lines of a placed diagram."""
    lines = "".join(_line(line, splines) for line in placed.lines)
    return lines + "".join(_box(box, splines) for box in placed.boxes)


def families_in(placed: Placed) -> set[str]:
    """The kinds of layers in a diagram."""
    inside = [families_in(box.inside) for box in placed.boxes if box.inside is not None]
    return {box.box.family for box in placed.boxes}.union(*inside)


def _box(placed: PlacedBox, splines: str) -> str:
    box, x, y, width = placed.box, placed.x, placed.y, placed.width
    stack = _STACK if box.times > 1 else 0.0
    height = placed.height - stack
    parts = [f"<title>{html_text(_words(box))}</title>"]
    if stack:
        parts += [_below(x, y + height, width, step) for step in (1, 2)]
    at = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}"'
    if placed.inside is None:
        parts.append(f'<rect {at} height="{_n(height)}" rx="{_n(_ROUND)}" class="card"/>')
        parts.append(f'<rect {at} height="{_n(height)}" rx="{_n(_ROUND)}" class="{box.family} tint"/>')
        parts.append(f'<path d="{_stripe(x, y, height)}" class="{box.family}"/>')
        spare = placed.height - measured(box).height
    else:
        head, spare = measured(box).top - AROUND, 0.0
        parts.append(f'<rect {at} height="{_n(height)}" rx="{_n(_ROUND)}" class="frame"/>')
        parts.append(f'<path d="{_head(x, y, width, head)}" class="{box.family} head"/>')
    parts.append(_words_in(box, x, y + spare / 2, width))
    if placed.inside is not None:
        parts.append(drawn(placed.inside, splines))
    return f"<g>{''.join(parts)}</g>"


def _words(box: Box) -> str:
    """What a box says, on one line."""
    title = f"{box.name} ({box.kind})" if box.name else box.kind
    times = [f"{box.times} times in a row"] if box.times > 1 else []
    return "; ".join([title, *times, *_lines(box)])


def _words_in(box: Box, x: float, y: float, width: float) -> str:
    badge = _badge_width(box) + 8 if box.times > 1 else 0.0
    middle = x + (_STRIPE if box.inside is None else 0) / 2 + (width - badge) / 2
    baseline = y + _ABOVE + 14
    kind = html_text(f" ({box.kind})") if box.name else ""
    text = f'<tspan class="name">{html_text(box.name or box.kind)}</tspan>{kind}'
    parts = [f'<text x="{_n(middle)}" y="{_n(baseline)}" text-anchor="middle" class="title">{text}</text>']
    if badge:
        left, size = x + width - badge - 4, badge - 8
        parts.append(
            f'<rect x="{_n(left)}" y="{_n(baseline - 13)}" width="{_n(size)}" height="18" rx="9" class="badge"/>'
            f'<text x="{_n(left + size / 2)}" y="{_n(baseline)}" text-anchor="middle" class="count">×{box.times}</text>'
        )
    middle = x + (_STRIPE if box.inside is None else 0) / 2 + width / 2
    for i, line in enumerate(_lines(box)):
        down = baseline + 1 + _LINE * (i + 1)
        across = middle + 7 * _has_dot(box, i)
        parts.append(
            f'<text x="{_n(across)}" y="{_n(down)}" text-anchor="middle" class="more">{html_text(line)}</text>'
        )
        if _has_dot(box, i):  # filled where it trains, a ring where it does not
            left = across - text_width(line, _TEXT) / 2 - 8
            fill = "tip dot" if box.trains else "ground dot"
            parts.append(f'<circle cx="{_n(left)}" cy="{_n(down - 4)}" r="4" class="{fill}"/>')
    return "".join(parts)


def _stripe(x: float, y: float, height: float) -> str:
    """The coloured edge of a card, with the card's corners."""
    r = _ROUND
    return (
        f"M{_n(x + _STRIPE)} {_n(y)}v{_n(height)}H{_n(x + r)}a{_n(r)} {_n(r)} 0 0 1 {_n(-r)} {_n(-r)}"
        f"v{_n(2 * r - height)}a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(-r)}z"
    )


def _head(x: float, y: float, width: float, height: float) -> str:
    """The strip at the top of a frame, with its words."""
    r = _ROUND
    return (
        f"M{_n(x)} {_n(y + height)}v{_n(r - height)}a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(-r)}h{_n(width - 2 * r)}"
        f"a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(r)}v{_n(height - r)}z"
    )


def _below(x: float, bottom: float, width: float, step: int) -> str:
    """The lower edge of a card that lies below another."""
    inset, down, r = 6.0 * step, 4.0 * step, 4.0
    return (
        f'<path d="M{_n(x + inset)} {_n(bottom + down - 4)}a{_n(r)} {_n(r)} 0 0 0 {_n(r)} {_n(r)}'
        f'H{_n(x + width - inset - r)}a{_n(r)} {_n(r)} 0 0 0 {_n(r)} {_n(-r)}" class="stack"/>'
    )


# ------------------------------------------------------------------ lines
def _line(line: Line, splines: str) -> str:
    points = list(line.points)
    path = {"ortho": _rounded, "line": _straight, "polyline": _straight}.get(splines, _curved)
    if not line.arrow:
        return f'<path d="{path(points)}" class="line"/>'
    (x0, y0), (x, y) = points[-2], points[-1]
    dx, dy = _direction((x0, y0), (x, y))
    points[-1] = (x - dx * _HEAD, y - dy * _HEAD)
    a, b = (x - dx * _HEAD - dy * 4, y - dy * _HEAD + dx * 4), (x - dx * _HEAD + dy * 4, y - dy * _HEAD - dx * 4)
    tip = f"M{_p((x, y))}L{_p(a)}L{_p(b)}z"
    return f'<path d="{path(points)}" class="line"/><path d="{tip}" class="tip"/>'


def _direction(start: Point, end: Point) -> Point:
    """The axis along which a line runs."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    if abs(dx) > abs(dy):
        return math.copysign(1.0, dx), 0.0
    return 0.0, math.copysign(1.0, dy)


def _rounded(points: list[Point]) -> str:
    """A line with right angles whose corners are round."""
    points = _turns(points)
    parts = [f"M{_p(points[0])}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        r = min(_TURN, math.dist(before, here) / 2, math.dist(here, after) / 2)
        (ax, ay), (bx, by) = _direction(before, here), _direction(here, after)
        parts.append(
            f"L{_p((here[0] - ax * r, here[1] - ay * r))}Q{_p(here)} {_p((here[0] + bx * r, here[1] + by * r))}"
        )
    return "".join([*parts, f"L{_p(points[-1])}"])


def _turns(points: list[Point]) -> list[Point]:
    """The points at which a line turns, and its ends."""
    between = [
        here
        for before, here, after in zip(points, points[1:], points[2:], strict=False)
        if _direction(before, here) != _direction(here, after)
    ]
    return [points[0], *between, points[-1]]


def _bends(points: list[Point]) -> list[list[Point]]:
    """The pieces of a line: two points for one that is straight, four for one that goes over to another column."""
    pieces, i = [], 0
    while i < len(points) - 1:
        if i + 3 < len(points) and _direction(points[i], points[i + 1]) != _direction(points[i + 1], points[i + 2]):
            pieces.append(points[i : i + 4])
            i += 3
        else:
            pieces.append(points[i : i + 2])
            i += 1
    return pieces


def _straight(points: list[Point]) -> str:
    ends = [points[0], *(piece[-1] for piece in _bends(points))]
    return f"M{_p(points[0])}" + "".join(f"L{_p(point)}" for point in ends[1:])


def _curved(points: list[Point]) -> str:
    parts = [f"M{_p(points[0])}"]
    for piece in _bends(points):
        if len(piece) == 2:
            parts.append(f"L{_p(piece[-1])}")
            continue
        (x0, y0), (x1, y1) = piece[0], piece[-1]
        if _direction(piece[0], piece[1])[0]:
            middle = (x0 + x1) / 2
            parts.append(f"C{_p((middle, y0))} {_p((middle, y1))} {_p((x1, y1))}")
        else:
            middle = (y0 + y1) / 2
            parts.append(f"C{_p((x0, middle))} {_p((x1, middle))} {_p((x1, y1))}")
    return "".join(parts)


def _n(number: float) -> str:
    """A number with one digit behind the point, at most.

    >>> [_n(number) for number in (1.0, 2.04, -0.02, 3.25)]
    ['1', '2', '0', '3.2']
    """
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _p(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"
