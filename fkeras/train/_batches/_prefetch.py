"""Batches on their way to the device, while the steps before them run."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import jax
import numpy as np

from ...core import explain
from ...core.typing import Batch, PyTree

#: How many batches are under way at once, unless it is said.
DEPTH = 2


class _UnderWay(NamedTuple):
    """A batch that is being copied.

    Attributes:
        arrays: its arrays on the host, which are held until a later batch was looked at.
        copied: the batch on the device, when it is there.
    """

    arrays: list[np.ndarray]
    copied: Future[Any]


class Prefetch:
    """Copies batches to the device in a thread, in their order, at most `depth` of them at once.

    Batches are drawn by the caller, in its own thread; an error of the copy is raised where the batch is taken. A
    generator may fill the same arrays again for each batch: the first batches are copied before the next one is drawn,
    until as many have come as could be under way together, in memory of their own. Where they share memory, each is
    copied before the next one is drawn.

    Args:
        put: a function that copies a batch.
        depth: how many batches may be under way; 0 copies each when it is added, in the caller's thread.

    >>> ahead = Prefetch(jax.device_put, 2)
    >>> with ahead.open():
    ...     for i in range(3):
    ...         ahead.before_a_draw()
    ...         ahead.add(np.full(2, i))
    ...         while ahead.is_full():
    ...             print(ahead.take())
    ...     print(ahead.take())
    [0 0]
    [1 1]
    [2 2]
    """

    def __init__(self, put: Callable[[PyTree], PyTree], depth: int) -> None:
        self.put, self.depth = put, depth
        self.waiting: Final[collections.deque[_UnderWay]] = collections.deque()
        self.looked_at: collections.deque[_UnderWay] = collections.deque(maxlen=depth or 1)
        self.pending: list[_UnderWay] = []
        self.apart, self.shares = 0, False
        self.pool: ThreadPoolExecutor | None = None

    @contextlib.contextmanager
    def open(self, count: int | None = None) -> Iterator[None]:
        """While active there is a thread that copies; what was not taken is let go at the end.

        Args:
            count: how many batches may come, where it is known: a single one has nothing to be copied beside.
        """
        if not self.depth or count == 1:
            yield
            return
        with ThreadPoolExecutor(1, "fkeras-prefetch") as self.pool:
            try:
                yield
            finally:
                self.waiting.clear()
        self.pool = None

    def __len__(self) -> int:
        return len(self.waiting)

    def is_full(self) -> bool:
        """Whether a batch has to be taken before the next one is added."""
        return len(self.waiting) >= max(1, self.depth)

    def before_a_draw(self) -> None:
        """Wait where what is drawn next could be written over a batch that is being copied."""
        if self.shares or self.apart <= self.depth:
            for one in self.waiting:
                _wait(one.copied)
        self.pending = [one for one in self.waiting if not one.copied.done()]

    def add(self, batch: Batch) -> None:
        """Begin to copy a batch that was just drawn.

        Raises:
            RuntimeError: it was written over a batch that was being copied.
        """
        if self.pool is None:
            self.waiting.append(_UnderWay([], _done(self._copied(batch) if self.depth else self.put(batch))))
            return
        arrays = [leaf for leaf in jax.tree.leaves(batch) if isinstance(leaf, np.ndarray)]
        if any(_share(one.arrays, arrays) for one in self.pending):
            raise RuntimeError(
                explain(
                    "The data filled the arrays of a batch again while these were being copied to the device.",
                    received="batches that have memory of their own, and then one that has not",
                    usually="a generator with a few buffers, which it uses in turns that change.",
                    write="yield np.copy(x), np.copy(y); or fit(..., prefetch=0)",
                )
            )
        self.pending = []
        self.shares = self.shares or any(_share(one.arrays, arrays) for one in self.looked_at)
        self.apart += 1
        found = _UnderWay(arrays, self.pool.submit(self._copied, batch))
        self.waiting.append(found)
        self.looked_at.append(found)

    def take(self) -> Batch:
        """The oldest batch, on the device."""
        batch: Batch = self.waiting.popleft().copied.result()
        return batch

    def _copied(self, batch: Batch) -> Batch:
        copied: Batch = jax.block_until_ready(self.put(batch))
        return copied


def copied_ahead(batches: Iterable[Batch], put: Callable[[PyTree], PyTree], depth: int) -> Iterator[Batch]:
    """The same batches on the device, each copied while those before it are used.

    Args:
        batches: the batches, of which no more are drawn than are yielded.
        put: a function that copies one.
        depth: how many may be under way.

    Yields:
        The batches in their order.

    >>> [int(batch.sum()) for batch in copied_ahead([np.arange(3), np.arange(5)], jax.device_put, 2)]
    [3, 10]
    """
    ahead, drawn = Prefetch(put, depth), iter(batches)
    with ahead.open():
        while True:
            ahead.before_a_draw()
            try:
                batch = next(drawn)
            except StopIteration:
                break
            except BaseException:
                while len(ahead):  # what was drawn before comes before the error
                    yield ahead.take()
                raise
            ahead.add(batch)
            if ahead.is_full():
                yield ahead.take()
        while len(ahead):
            yield ahead.take()


def _done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def _wait(future: Future[Any]) -> None:
    with contextlib.suppress(Exception):  # which is raised where the batch is taken
        future.result()


def _share(old: list[np.ndarray], new: list[np.ndarray]) -> bool:
    return any(np.may_share_memory(a, b) for a in old for b in new)
