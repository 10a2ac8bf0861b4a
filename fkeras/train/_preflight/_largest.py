"""The largest batch that fits: by the law of bytes over rows that two programs give, checked by compiling one more."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

# A batch is the largest where the law says that this many times its rows do not fit.
_CLOSE = 1.03
# Programs that are compiled beyond the first two.
_MORE = 5
# So many times what is known to fit is the farthest that the law of smaller programs is believed.
_JUMP = 16
_FAR = 2**31


class Law(NamedTuple):
    """Bytes by rows, `fixed + each * rows`, of two programs of different sizes.

    >>> Law.of((8, 1_000), (16, 1_400)).at(32), Law.of((8, 1_000), (16, 1_400)).rows_in(2_300)
    (2200.0, 34)
    """

    fixed: float
    each: float

    @classmethod
    def of(cls, one: tuple[int, int], other: tuple[int, int]) -> Law:
        """The line through two pairs of rows and bytes; one that does not fall."""
        each = max(0.0, (other[1] - one[1]) / (other[0] - one[0]))
        return cls(other[1] - each * other[0], each)

    def at(self, rows: float) -> float:
        """Bytes of so many rows."""
        return self.fixed + self.each * rows

    def rows_in(self, limit: float) -> int:
        """How many rows so many bytes have room for."""
        return int((limit - self.fixed) // self.each) if self.each else _FAR


def largest(needs: Callable[[int], int], limit: int, start: int, step: int = 1, most: int | None = None) -> int:
    """The largest number of rows whose needs are within a limit; 0 where a single step of them is not.

    Args:
        needs: bytes of so many rows, by compiling; asked for a few sizes.
        limit: bytes.
        start: a size to begin with; the nearer to the answer, the fewer are asked for.
        step: sizes are multiples of it.
        most: no more rows than that.

    Returns:
        A size whose needs are known and within the limit. The law of the sizes next to it says that 1.03 times as
        many are not, or one step more was compiled and is not, or there are no more.

    >>> largest(lambda rows: 1_000 + 50 * rows, 9_999, start=32)
    179
    """
    top = None if most is None else max(step, most // step * step)
    first = max(step, start // step * step) if top is None else min(top, max(step, start // step * step))
    second = first // 4 // step * step or min(4 * first, top or 4 * first)
    known = {size: needs(size) for size in (first, second)}
    if len(known) < 2:  # a single step is all that there may be
        return first if known[first] <= limit else 0
    for _ in range(_MORE):
        below = max((size for size, count in known.items() if count <= limit), default=0)
        above = min((size for size, count in known.items() if count > limit), default=None)
        if below and (above or top or _FAR) <= max(below * _CLOSE, below + step * (above is not None)):
            break
        law = _law(known, below, above)
        if below and above is None and law.at(below * _CLOSE) > limit:
            break
        guess = min(law.rows_in(limit), _JUMP * (below or first), _FAR if top is None else top)
        if above is not None:  # a little below what is known not to fit, as bytes do not quite lie on a line
            guess = min(guess, int(above / _CLOSE**0.5), above - step)
        guess = max(guess // step * step, below + step)
        if guess in known or guess >= (above or _FAR) or (top is not None and guess > top):
            break
        known[guess] = needs(guess)
    return max((size for size, count in known.items() if count <= limit), default=0)


def _law(known: dict[int, int], below: int, above: int | None) -> Law:
    """The law between a size that fits and one that does not; of the outermost two where all do, or none does."""
    pairs = sorted(known.items())
    if below and above is not None:
        pairs = [(below, known[below]), (above, known[above])]
    one, other = pairs[-2:] if above is None else pairs[:2]
    return Law.of(one, other)
