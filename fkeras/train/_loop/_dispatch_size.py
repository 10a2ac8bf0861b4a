"""How much to hand the device at once."""

from __future__ import annotations

import time

import jax

from ...core.typing import PyTree
from ..distribution._agreement import Agreement

# Seconds between two looks at what runs on the device: Ctrl-C, the progress bar and backups wait no longer.
_LOOK = 0.2
# Steps of the first dispatch, before it is known how long one takes.
_FIRST = 8


class DispatchSize:
    """How many steps to dispatch at once, so that a dispatch takes about a fifth of a second.

    The processes of a run go by the clock of the first one, as all of them have to make the same dispatches.

    Args:
        fixed: a number of steps that callbacks ask for.
        together: whether several processes make the dispatches.

    >>> DispatchSize(None).count, DispatchSize(1).count
    (8, 1)
    """

    def __init__(self, fixed: int | None, together: bool = False) -> None:
        self.fixed, self.count = fixed is not None, fixed or _FIRST
        self.last, self.under_way = time.monotonic(), 0
        self.agreement = Agreement() if together and not self.fixed else None

    def wait(self, before: PyTree, made: int) -> None:
        """Wait until the device has finished the dispatch before the last one, and adapt the size of the next.

        The device then still has the last dispatch to do, so it is never idle while Python prepares the next one.

        Args:
            before: an array, or a tree of them, that the dispatch before the last returned; `None` if there was none.
            made: how many steps the last dispatch has.
        """
        if before is not None and not self.fixed:
            jax.block_until_ready(before)
            seconds = time.monotonic() - self.last
            if seconds < _LOOK / 2 and self.under_way >= self.count:
                self.count = self._agreed(self.count * 4)
            elif seconds > 2 * _LOOK and self.under_way > 1:
                self.count = self._agreed(max(1, self.under_way // 4))
            else:
                self.count = self._agreed(self.count)
        self.last, self.under_way = time.monotonic(), made

    def _agreed(self, wish: int) -> int:
        """A number of steps, or the one that the first process wished for a dispatch before."""
        if self.agreement is None:
            return wish
        self.agreement.tell([min(wish, 2**30)])
        return self.count if len(self.agreement.told) < 2 else int(self.agreement.hear()[0, 0])
