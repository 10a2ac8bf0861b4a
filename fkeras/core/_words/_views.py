"""What a notebook shows of a value that is the last line of a cell: text, and a small piece of HTML.

The HTML stands for itself: no scripts, no style sheets, no colours of its own, so that it reads on light and on dark
ground; what is long is folded by `<details>`.
"""

from __future__ import annotations

import dataclasses
import html
import sys
from collections.abc import Iterable, Sequence

_LINE = "1px solid color-mix(in srgb, currentColor 25%, transparent)"


@dataclasses.dataclass(frozen=True)
class View:
    """A value as text for a terminal, and as HTML for a notebook."""

    text: str
    html: str

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}

    def show(self) -> None:
        """One output: HTML where this process is a notebook's, else the text."""
        if in_notebook():
            from IPython.display import display

            display(self)
        else:
            print(self.text)


class Viewed:
    """A value with a view; a subclass writes `_view`."""

    __slots__ = ()

    def _view(self) -> View:
        raise NotImplementedError

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self._view()._repr_mimebundle_()

    def _repr_html_(self) -> str:
        return self._view().html


def in_notebook() -> bool:
    """Whether what this process displays is shown by a notebook, and not in a terminal."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


# ------------------------------------------------------------------ pieces of HTML
def html_text(text: object) -> str:
    """Text in which no character is HTML's.

    >>> html_text('<b> & "x"')
    '&lt;b&gt; &amp; &quot;x&quot;'
    """
    return html.escape(str(text))


def html_table(headers: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """A table of cells that are HTML already.

    Args:
        headers: its first row; none for a table without one.
        rows: the cells.
        align: a letter for each column, `"lrc"` for left, right and centre; left by default.

    Returns:
        A `<table>`.
    """
    sides = [{"r": "right", "c": "center"}.get(letter, "left") for letter in align.ljust(99)]

    def line(cells: Sequence[str], tag: str) -> str:
        written = (f'<{tag} style="text-align:{side}">{cell}</{tag}>' for side, cell in zip(sides, cells, strict=False))
        return f'<tr style="border-bottom:{_LINE};vertical-align:top">{"".join(written)}</tr>'

    head = f"<thead>{line(headers, 'th')}</thead>" if headers else ""
    body = "".join(line(row, "td") for row in rows)
    return f'<table cellpadding="4" style="border-collapse:collapse;margin:4px 0">{head}<tbody>{body}</tbody></table>'


def html_folded(title: str, body: str, opened: bool = False) -> str:
    """A part that is shown when its title, HTML already, is clicked."""
    inside = f'<div style="margin-left:1.2em">{body}</div>'
    return f"<details{' open' * opened}><summary>{title}</summary>{inside}</details>"


def html_box(title: str, body: str) -> str:
    """A view: its title in bold above the rest; what is too wide for the page scrolls."""
    return f'<div style="overflow-x:auto;font-size:90%"><div style="font-weight:bold">{title}</div>{body}</div>'


def html_faint(text: str) -> str:
    """HTML that stands back behind the rest."""
    return f'<span style="opacity:.65">{text}</span>'


def html_code(text: object) -> str:
    """Text in a fixed width."""
    return f"<samp>{html_text(text)}</samp>"
