"""Functions that a signal may end while they run."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
# How many signals it takes to leave a function at once; `None` for one that must come to its own end. Marked functions
# are found on the stack when a signal comes, so that a step pays nothing for it.
_PATIENCE: dict[CodeType, int | None] = {}


def breakable(signals: int | None) -> Callable[[_F], _F]:
    """Mark a function that a signal may end at any line, as it changes nothing of the run that would not be done again.

    Args:
        signals: which signal ends it: the first, where what it does is begun anew when the run goes on; the second,
            where it waits or runs code of the user's; `None` for no signal: what holds a state that is being replaced.
    """

    def mark(function: _F) -> _F:
        _PATIENCE[function.__code__] = signals
        return function

    return mark


def patience_of(frame: FrameType | None) -> int | None:
    """How many signals the innermost marked function takes; `None` where none would be right."""
    while frame is not None:
        if frame.f_code in _PATIENCE:
            return _PATIENCE[frame.f_code]
        frame = frame.f_back
    return None
