"""Lines that callbacks print."""

from __future__ import annotations

from ..distribution._processes import is_first


def say(text: str) -> None:
    """Print a line; of several processes that make one run the first one does."""
    if is_first():
        print(text)
