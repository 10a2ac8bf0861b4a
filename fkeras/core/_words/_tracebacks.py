"""Tracebacks that end at the user's line: frames of ours that lie between two lines of the user's are left out.

What a user calls first in fkeras is a door; thirty frames deeper something does not fit. Of these an error that fkeras
has put into words needs none, and an error in a user's own `call` or `update` needs the user's line alone. JAX does the
same with its own frames, and what shows those shows these: `JAX_TRACEBACK_FILTERING=off`.
docs/decisions/short_tracebacks.md says what is kept.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import ParamSpec, TypeVar

import flax
import jax

from ._errors import explanation_of

P = ParamSpec("P")
R = TypeVar("R")

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
# What runs a user's code for us: these packages, and what Python's own decorators and dataclasses put around a call.
_BETWEEN = tuple(
    os.path.join(place, "") for place in (_OURS, os.path.dirname(flax.__file__), os.path.dirname(jax.__file__))
)
_WRAPPERS = ("contextlib.py", "functools.py")


def shorten(error: Exception, called_by: CodeType | None = None, with_door: bool = True) -> None:
    """Leave out of an error's traceback what lies between the door that caught it and the user's own lines.

    Args:
        error: what a door caught, and is about to raise again.
        called_by: the code that called the door; where that is of fkeras, a door further out sees to it.
        with_door: whether the door's own frame stays.
    """
    if called_by is not None and _is_between(called_by):
        return
    if jax.config.jax_traceback_filtering == "off":
        return
    frames = list(_frames(error.__traceback__))
    users = [i for i, frame in enumerate(frames) if not _is_between(frame.tb_frame.f_code)]
    last = users[-1] if users else 0
    if explanation_of(error) is not None:
        kept = {0, *users, min(last + 1, len(frames) - 1)} if users else {0}
    elif users:
        kept = {0, *users, *range(last, len(frames))}
        if last < len(frames) - 1:  # it was raised in what the user's code called
            _leave_out_causes(error)
    else:
        return  # an error of fkeras's own, or of what it uses: all of it may be needed
    if not with_door:
        kept.discard(0)
    linked: TracebackType | None = None
    for i in sorted(kept, reverse=True):
        frame = frames[i]
        linked = TracebackType(linked, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    error.with_traceback(linked)


def door(function: Callable[P, R]) -> Callable[P, R]:
    """A function that users call, whose errors have short tracebacks."""

    @functools.wraps(function)
    def entered(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            shorten(error, caller())
            raise

    return entered


def caller() -> CodeType | None:
    """The code that called the function which calls this."""
    frame = sys._getframe(1).f_back
    return None if frame is None else frame.f_code


def passes_through_users_code(trace: TracebackType | None) -> bool:
    """Whether a line of the user's lies on the way to an error, below the first frame."""
    return any(not _is_between(frame.tb_frame.f_code) for frame in list(_frames(trace))[1:])


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    found = []
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found


def _is_between(code: CodeType) -> bool:
    place = code.co_filename
    made_by_dataclass = place == "<string>" and code.co_name == "__init__"
    return place.startswith(_BETWEEN) or os.path.basename(place) in _WRAPPERS or made_by_dataclass


def _leave_out_causes(error: Exception) -> None:
    """Of an error in JAX that has causes in JAX, keep the last, which says the same and has the user's line."""
    cause = error.__cause__ or error.__context__
    if cause is None:
        return
    while cause is not None:
        if not all(_is_between(frame.tb_frame.f_code) for frame in _frames(cause.__traceback__)):
            return
        if explanation_of(cause) is not None:
            return
        cause = cause.__cause__ or cause.__context__
    error.__cause__ = None
    error.__suppress_context__ = True
