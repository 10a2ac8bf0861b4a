"""How wide a line of text is at most, without the font that a page will draw it in.

The widths are those of DejaVu Sans, the widest of the fonts that a picture names: in each other one the text is
narrower, and nothing is cut off.
"""

from __future__ import annotations

import unicodedata

# Hundredths of the font's size, for the characters 32 to 126.
_PLAIN = (
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 68 69 70 "
    "77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61 63 55 63 62 35 63 "
    "63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84"
)
_BOLD = (
    "35 46 52 84 70 100 87 31 46 46 52 84 38 42 38 37 70 70 70 70 70 70 70 70 70 70 40 40 84 84 84 58 100 77 76 "
    "73 83 68 68 82 84 37 37 77 64 100 84 85 73 85 77 72 68 81 77 110 77 72 73 46 37 46 84 50 50 67 72 59 72 68 "
    "44 72 71 34 34 67 34 104 71 69 72 72 49 60 48 71 65 92 65 65 58 71 37 71 84"
)
_WIDTHS = {bold: [int(part) / 100 for part in text.split()] for bold, text in ((False, _PLAIN), (True, _BOLD))}
_LETTER, _WIDE, _LONGEST = 0.85, 1.2, 64


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The pixels that a line of text needs at most.

    Args:
        text: one line.
        size: of the font, in pixels.
        bold: whether it is bold.

    >>> round(text_width("Conv2D", 14, bold=True), 1)
    60.3
    """
    widths = _WIDTHS[bold]
    return size * sum(
        widths[ord(char) - 32] if " " <= char <= "~" else _WIDE if _is_wide(char) else _LETTER for char in text
    )


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF" or unicodedata.category(char) == "So"


def shortened(text: str) -> str:
    """Text on one line, with its middle left out where it is very long.

    >>> shortened("a" * 40 + "b" * 40)
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbb…bbbbbbbbbbbbbbbbbbbb'
    """
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 21]}…{text[-20:]}"
