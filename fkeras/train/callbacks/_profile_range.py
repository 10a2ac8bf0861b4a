"""Which steps of a run a profile is of: a number, two of them, or Keras's text."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import explain


def profile_range(name: str, given: object) -> tuple[int, int] | None:
    """The first and the last step of a profile, counted from 1; `None` for none.

    Args:
        name: the argument's name.
        given: a step; the first and the last one, as a pair or as text; 0 or `None` for no profile.

    Raises:
        ValueError: it is none of these, or the last step comes before the first.

    >>> profile_range("profile", (10, 15)), profile_range("profile_batch", "10,15"), profile_range("profile_batch", 5)
    ((10, 15), (10, 15), (5, 5))
    >>> profile_range("profile_batch", 0)
    """
    parts: Any = given
    if isinstance(given, str):
        words = [word.strip() for word in given.split(",")]
        parts = [int(word) if word.isdecimal() else word for word in words]
    if isinstance(given, np.ndarray):
        parts = given.tolist()
    numbers = list(parts) if isinstance(parts, tuple | list) else [parts]
    if given is None or numbers in ([0], [0, 0]):
        return None
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in numbers)
    if not whole or len(numbers) not in (1, 2) or not 0 < numbers[0] <= numbers[-1]:
        backwards = whole and len(numbers) == 2 and numbers[0] > numbers[1] > 0
        raise ValueError(
            explain(
                f"{name} is a step, or the first and the last step, counted from 1.",
                received=f"{name}={given!r}"[:120],
                usually="the two numbers were exchanged." if backwards else "",
                write=f"{name}=(10, 15), or {name}=0 for no profile",
            )
        )
    return int(numbers[0]), int(numbers[-1])
