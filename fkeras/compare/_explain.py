"""Why what reaches a layer differs, in words: a change of numbers, or a layer that is not there."""

from __future__ import annotations

import numpy as np

from ._causes import Cause
from ._equal import magnitude, nearest
from ._record import Call


def explained(
    cause: Cause,
    at: int,
    pairs: list[tuple[Call | None, Call | None]],
    running: str,
    own: np.ndarray,
    target: np.ndarray,
) -> str:
    """Why what reaches the pair `at` differs.

    Args:
        cause: what was found by trying; `"unknown"` where nothing was.
        at: which pair it is.
        pairs: `(reference, running)`.
        running: which of the two models runs, `"a"` or `"b"`.
        own, target: what reaches the layer of the running model, and of the reference.
    """
    reference = "b" if running == "a" else "a"
    known, run = pairs[at]
    assert known is not None
    assert run is not None
    where = "the model's output" if run.kind == "output" else f"the input of {run.path!r} of {running}"
    if cause.name != "unknown":
        return f"{cause.name}: with {cause.text}, {where} is that of {reference}."
    for side, name, mine in ((0, reference, running), (1, running, reference)):
        for call in _alone_before(at, pairs, side):
            there, here = (sum(p[s] is not None and p[s].kind == call.kind for p in pairs) for s in (side, 1 - side))  # type: ignore[union-attr]
            what = f"{call.path!r} ({call.kind or 'a layer'})"
            if there == here and call.kind:
                kind = "normalisation position" if "norm" in call.kind else "layer position"
                before = known.path if side == 0 else run.path
                return f"{kind}: in {name}, {what} stands before {before!r}; in {mine} it stands elsewhere."
            if call.weights or call.kind not in ("", "operation"):
                return f"missing layer: {what} of {name} has no partner in {mine}."
    apart = f"{nearest(own, target)[0]:.3g} in numbers to {magnitude(target):.3g}"
    return f"unknown: the layers before it agree, but {where} differs from that of {reference} by {apart}."


def _alone_before(at: int, pairs: list[tuple[Call | None, Call | None]], side: int) -> list[Call]:
    """The calls of one model without a partner, between the last pair and this one."""
    found: list[Call] = []
    for pair in reversed(pairs[:at]):
        if pair[0] is not None and pair[1] is not None:
            break
        if (call := pair[side]) is not None:
            found.append(call)
    return found
