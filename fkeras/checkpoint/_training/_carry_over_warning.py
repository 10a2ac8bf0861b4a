"""A warning that names what of an optimizer's state begins anew, and what of the saved one is left behind."""

from __future__ import annotations

from collections.abc import Iterable

from ...core import explain
from ...core.typing import FilePath
from .._files._warnings import warn
from ._carry_over import Carried


def warn_of(carried: Carried, weights: Iterable[str], label: FilePath) -> None:
    """Say by name what begins anew and what is left behind."""
    if not carried.anew and not carried.left:
        return
    names = tuple(weights)
    lines = [f"begins anew: {_summary(carried.anew, names)}"] if carried.anew else []
    lines += [f"not taken:   {_summary(carried.left, names)}"] if carried.left else []
    warn(
        explain(
            f"The optimizer goes on with {'a part' if carried.source else 'nothing'} of the state in {str(label)!r}.",
            received="".join(f"\n    {line}" for line in lines),
            usually="the run was saved with another optimizer, or with other options.",
            write="the optimizer that the run was saved with",
        ),
    )


def _summary(paths: Iterable[str], weights: tuple[str, ...]) -> str:
    """The paths as text, in which the same moment of several weights is listed once."""
    counts: dict[str, int] = {}
    for path in paths:
        weight = max((w for w in weights if path.endswith(f"/{w}")), key=len, default="")
        slot = path.removesuffix(f"/{weight}") if weight else path
        counts[slot] = counts.get(slot, 0) + 1
    return ", ".join(slot if n == 1 else f"{slot} ({n} arrays)" for slot, n in counts.items())
