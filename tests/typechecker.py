"""The type checker that jaxtyping's import hook runs in `test_shapes.py`: beartype, as mypy reads the same words.

It is a plugin of pytest too (`-p tests.typechecker`), which says at the end how many functions it checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception

F = TypeVar("F", bound=Callable[..., Any])
# an int is a float, as for mypy
_check = beartype(conf=BeartypeConf(is_pep484_tower=True))
_functions: list[str] = []


def checked(function: F) -> F:
    """`function` with its arguments and its result checked at each call.

    jaxtyping hands over methods one by one, and beartype knows what `Self` is only where it sees the class: those
    methods stay as they are, and so do functions of a Protocol that `isinstance` may not ask for.
    """
    try:
        found = _check(function)
    except (BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception):
        return function
    _functions.append(function.__qualname__)
    return found


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{len(_functions)} functions were checked")
