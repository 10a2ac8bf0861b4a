"""How fkeras words an error: what is wrong, what arrived, why it usually happens, what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def explain(wrong: str, *, received: object = None, usually: str = "", write: str = "") -> str:
    """Word an error in the four parts that every fkeras error has.

    Args:
        wrong: what is wrong, naming the layer or argument; one sentence.
        received: what arrived (a value, shape or description); left out when `None`.
        usually: why it usually happens.
        write: the line to write instead.

    Returns:
        The text, one part a line.

    >>> print(explain("Dense got units=-1, but it must be positive.", received=-1, write="Dense(32)"))
    Dense got units=-1, but it must be positive.
      Received: -1
      Write:    Dense(32)
    """
    parts = [wrong]
    if received is not None:
        parts.append(f"  Received: {received}")
    if usually:
        parts.append(f"  Usually:  {usually}")
    if write:
        parts.append(f"  Write:    {write}")
    return "\n".join(parts)


def is_explained(text: str) -> bool:
    """Whether a message is one of fkeras's own.

    >>> is_explained(explain("Dense got units=-1.", received=-1)), is_explained("list index out of range")
    (True, False)
    """
    return any(f"\n  {part}" in text for part in ("Received: ", "Usually:  ", "Write:    "))


# Names are compared letter by letter, so of a name without an end only the beginning is.
_LONGEST_NAME = 100


def did_you_mean(name: object, known: Iterable[str], limit: int = 40) -> str:
    """List what exists, the nearest names first asked for.

    >>> did_you_mean("rely", ["relu", "elu"])
    "Did you mean 'relu'? Known: elu, relu."
    """
    names = sorted({str(k)[:_LONGEST_NAME] for k in known})
    near = difflib.get_close_matches(str(name)[:_LONGEST_NAME], names, n=3, cutoff=0.6)
    listed = ", ".join(names[:limit]) + (f", … ({len(names) - limit} more)" if len(names) > limit else "")
    hint = f"Did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    return f"{hint}Known: {listed or 'none'}."
