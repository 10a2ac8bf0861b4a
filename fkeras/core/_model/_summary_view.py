"""How a model's table is drawn: by rich for a terminal or a file, as HTML for a notebook."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from .._words._views import View, html_box, html_faint, html_table, html_text
from ._summary import Summary


def view_of(summary: Summary, line_length: int | None = None, positions: Sequence[float] | None = None) -> View:
    """A model's table as text and as HTML.

    Args:
        summary: the table.
        line_length: the text's width in characters.
        positions: where its columns end, or how wide they are, as parts of the whole.
    """
    width = line_length or (100 if summary.branching or "FLOPs" in summary.headers else 80)
    return View(_text(summary, width, positions), _html(summary))


def show(
    summary: Summary,
    line_length: int | None,
    positions: Sequence[float] | None,
    print_fn: Callable[[str], object] | None,
) -> None:
    """Hand the text to `print_fn`, or show it: one output, a table in a notebook."""
    view = view_of(summary, line_length, positions)
    if print_fn is None:
        view.show()
    else:
        print_fn(view.text)


def _text(summary: Summary, width: int, positions: Sequence[float] | None) -> str:
    drawn = Table(width=width, show_lines=True)
    shares = _shares(positions, len(summary.headers), summary.branching)
    for header, share, side in zip(summary.headers, shares, _sides(summary), strict=True):
        fixed = len(header) if header == "Trainable" and not positions else None
        drawn.add_column(header, ratio=None if fixed else share, width=fixed, justify=side, overflow="fold")  # type: ignore[arg-type]
    for row, depth in zip(summary.rows, summary.depths, strict=True):
        drawn.add_row("   " * (depth - 1) + "└ " * (depth > 1) + row[0], *row[1:])
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, force_terminal=False, force_jupyter=False, legacy_windows=False)
    lines = [f" {label}: {text}" for label, text in summary.totals]
    for part in (summary.title, drawn, *lines, *([f" Write: {summary.hint}"] if summary.hint else [])):
        console.print(part, markup=False, highlight=False)
    return buffer.getvalue().rstrip("\n")


def _html(summary: Summary) -> str:
    rows = [
        [f'<span style="padding-left:{1.2 * (depth - 1):.1f}em">{_named(row[0])}</span>', *map(html_text, row[1:])]
        for row, depth in zip(summary.rows, summary.depths, strict=True)
    ]
    drawn = html_table([*map(html_text, summary.headers)], rows, "".join(side[0] for side in _sides(summary)))
    lines = [f"{html_text(label)}: {html_text(text)}" for label, text in summary.totals]
    hint = [html_faint(f"Write: {html_text(summary.hint)}")] if summary.hint else []
    return html_box(html_text(summary.title), drawn + "<br>".join([*lines, *hint]))


def _named(cell: str) -> str:
    """A layer's name, and behind it its class."""
    name, _, kind = cell.partition(" (")
    return f"{html_text(name)} {html_faint(html_text('(' + kind))}" if kind else html_text(name)


def _sides(summary: Summary) -> list[str]:
    """How the cells of each column stand."""
    return [
        {"Param #": "right", "FLOPs": "right", "Bytes": "right", "Trainable": "center"}.get(header, "left")
        for header in summary.headers
    ]


def _shares(positions: Sequence[float] | None, count: int, branching: bool) -> list[int]:
    """Relative widths of the columns; Keras's `positions` say where each ends."""
    if positions:
        ends = [*positions, *[1.0] * (count - len(positions))]
        if all(b >= a for a, b in itertools.pairwise(ends)):
            ends = [end - before for end, before in zip(ends, [0.0, *ends], strict=False)]
        return [max(1, round(100 * share)) for share in ends[:count]]
    base = [30, 24, 14, 24] if branching else [42, 32, 18]
    return base + [14] * (count - len(base))
