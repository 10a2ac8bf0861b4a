"""Which layer of one model is which of the other: by order, kind, sizes, numbers, and last by name."""

from __future__ import annotations

import re

import numpy as np

from ._equal import magnitude
from ._kinds import likeness
from ._record import Call

_ALONE = {True: -1.5, False: -0.5}  # what a call without a partner costs, by whether it has weights


def match(a: tuple[Call, ...], b: tuple[Call, ...]) -> list[tuple[Call | None, Call | None]]:
    """Pairs of calls in order, `None` beside a call that has no partner.

    The best alignment of the two sequences (Needleman and Wunsch, 1970), whose score says how alike two calls are.
    """
    of_a, of_b = [_Looks(call) for call in a], [_Looks(call) for call in b]
    score = np.zeros((len(a) + 1, len(b) + 1))
    alone_a, alone_b = ([_ALONE[looks.weights > 0] for looks in side] for side in (of_a, of_b))
    score[1:, 0], score[0, 1:] = np.cumsum(alone_a), np.cumsum(alone_b)
    together = np.array([[p.likeness(q) for q in of_b] for p in of_a]).reshape(len(a), len(b))
    for i in range(len(a)):
        for j in range(len(b)):
            score[i + 1, j + 1] = max(
                score[i, j] + together[i, j], score[i, j + 1] + alone_a[i], score[i + 1, j] + alone_b[j]
            )
    found: list[tuple[int | None, int | None]] = []
    i, j = len(a), len(b)
    while i or j:
        if i and j and score[i, j] == score[i - 1, j - 1] + together[i - 1, j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif i and score[i, j] == score[i - 1, j] + alone_a[i - 1]:
            i -= 1
            found.append((i, None))
        else:
            j -= 1
            found.append((None, j))
    crossed = _crossed(found[::-1], together)
    return [(None if i is None else a[i], None if j is None else b[j]) for i, j in crossed]


# Branches beside each other may run in either order: so far apart partners are exchanged, for so much more likeness.
_REACH, _GAIN = 12, 2.0


def _crossed(found: list[tuple[int | None, int | None]], together: np.ndarray) -> list[tuple[int | None, int | None]]:
    """The alignment with partners exchanged where that makes both pairs more alike."""
    found = list(found)
    full = [at for at, (i, j) in enumerate(found) if i is not None and j is not None]
    for n, one in enumerate(full):
        for other in full[n + 1 : n + _REACH]:
            (i, j), (k, m) = found[one], found[other]
            if together[i, m] + together[k, j] > together[i, j] + together[k, m] + _GAIN:
                found[one], found[other] = (i, m), (k, j)
    return found


class _Looks:
    """What calls are told apart by."""

    def __init__(self, call: Call) -> None:
        array = call.results[0]
        self.call = call
        self.weights = sum(int(np.size(leaf)) for leaf in call.weights.values())
        self.recorded = call.args is None
        self.shape, self.size = sorted(array.shape), array.size
        self.sums = (
            (magnitude(array), float(np.mean(np.abs(array)))) if array.size and array.dtype.kind == "f" else None
        )
        self.word = re.sub(r"[^a-z]", "", re.split(r"[./]", call.place[0])[-1].lower())

    def likeness(self, other: _Looks) -> float:
        found = likeness(self.call.kind, other.call.kind)
        if not (self.recorded or other.recorded):
            found += 2.0 if self.weights == other.weights and self.weights else -float(self.weights != other.weights)
            if bool(self.weights) != bool(other.weights):
                found -= 3.0
        found += 1.5 if self.shape == other.shape else 0.5 if self.size == other.size else -1.0
        if self.sums and other.sums and self.size == other.size and np.allclose(self.sums, other.sums, rtol=1e-4):
            found += 3.0
        return found + 0.5 * (self.word == other.word) + (self.call.place[0] == other.call.place[0])
