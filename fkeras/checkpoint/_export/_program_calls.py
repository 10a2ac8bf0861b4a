"""The calls between the functions of a module: no function may call itself, nor may calls multiply without bound."""

from __future__ import annotations

from collections.abc import Mapping

# The most operations there may be when every call is written out.
_MOST_RUN = 5_000_000


def check_calls(calls: Mapping[str, list[str]], counts: Mapping[str, int]) -> None:
    """Refuse functions that call themselves, and calls that multiply the operations beyond what can be compiled.

    Raises:
        ValueError: there are such.
    """
    whole: dict[str, int] = {}
    waiting, entered = list(calls), set[str]()
    while waiting:
        name = waiting[-1]
        inner = [c for c in calls[name] if c in calls and c not in whole]
        if name not in whole and inner:
            if name in entered:
                raise ValueError(f"the function {name[:80]!r}, which calls itself")
            entered.add(name)
            waiting += inner
            continue
        waiting.pop()
        if name not in whole:
            whole[name] = counts[name] + sum(whole[c] for c in calls[name] if c in whole)
        if whole[name] > _MOST_RUN:
            raise ValueError(f"more than {_MOST_RUN:,} operations when its calls are written out")
