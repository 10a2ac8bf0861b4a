"""Warnings that point to the user's own line, whatever lies between it and the file."""

from __future__ import annotations

import inspect
import warnings

_PACKAGE = __name__.partition(".")[0]


def warn(text: str) -> None:
    """Warn at the line outside of fkeras that led here."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
