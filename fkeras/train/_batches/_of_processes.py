"""Batches that several processes feed: each its own rows, or all of them the same."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import warnings
from collections.abc import Iterator
from typing import Any, Final

import jax
import numpy as np
from jax.experimental import multihost_utils

from ...core import explain
from ...core.typing import PyTree
from .._step._batch import Batch, pad, rows
from .._step._learner import Learner
from .._step._placed import spans_processes
from ..distribution._agreement import Agreement
from ..distribution._own_rows import check_own_rows, own_rows_of, rows_of_all
from ..distribution._placement import Distribution
from ._arrays import ArrayData
from ._positions import Positions, as_text, from_text
from ._sources import Arrays, Position, Stream

# What a process has when it is asked for a batch.
_END, _BATCH, _ERROR = range(3)
# The longest words of a process about its batches, in bytes.
_WORDS = 600


def of_processes(trainer: Learner, source: Arrays | Stream, steps: int | None = None, training: bool = False) -> Any:
    """The source of a run as all of its processes have it; the source itself where there is one process.

    Args:
        trainer: the trainer, whose distribution says whether each process hands in its own rows.
        source: what this process was given.
        steps: how many batches are used, if that is said beside the source.
        training: whether it is trained on, where batches that are smaller than others matter.

    Returns:
        A source of batches.

    Raises:
        ValueError: the processes' data do not make batches together; in all of them.
    """
    where = trainer.distribution
    if where is None or not spans_processes(trainer):
        return source
    own = not where.auto_shard_dataset
    if not own and isinstance(source, Arrays):
        _check_alike(source, where, source.data.tree, own)
        return source
    if own:
        check_own_rows(where)
    if isinstance(source, Arrays):
        found: OfProcesses = OwnArrays.of(source, where, training)
        _check_alike(source, where, source.data.tree, own)
    else:
        found = OfProcesses.of_stream(source, where, own)
    if training and found.lengths is not None and source.limit is None and len(set(found.lengths.tolist())) > 1:
        _warn_of_lengths(found.lengths)
    found.expect(steps)
    return found


@dataclasses.dataclass(eq=False, kw_only=True)
class OfProcesses(Stream):
    """Batches of a stream in each of several processes.

    Before a batch is handed out each process has told the others what it has: how many rows, of which form, or that its
    data have ended or failed. So none waits for a batch that another one does not have. The next batch is drawn and
    told of while the step before it runs; never one more than the run has asked for.

    Attributes:
        inner: this process's source.
        where: the mesh and the layout.
        own: whether each process hands in rows of its own; else all have the same.
        lengths: how many batches each process has, where they all know.
    """

    inner: Arrays | Stream
    where: Distribution
    own: bool
    lengths: np.ndarray | None = None
    counts: Final[collections.deque[np.ndarray]] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=64)
    )
    _left: float = float("inf")
    _none: Batch = (None, None, None)
    _told_of_end: bool = False

    @classmethod
    def of_stream(cls, source: Stream, where: Distribution, own: bool) -> OfProcesses:
        """A stream, whose first batch was looked at in each process."""
        found = cls(
            passes=source.passes, length=None, limit=source.limit, restarts=source.restarts, origin=source.origin,
            fixed=source.fixed, inner=source, where=where, own=own,
        )  # fmt: skip
        fault: BaseException | None = None
        first: Batch = (None, None, None)
        try:
            first = source.first()
        except Exception as error:
            fault = error
        _check_faults(fault)
        _check_alike(source, where, first, own)
        found._none = _without_rows(first)
        lengths = _gathered([-1 if source.length is None else source.length])[:, 0]
        if (lengths >= 0).all():
            found.lengths, found.length = lengths, int(lengths.max())
        return found

    # ------------------------------------------------------------------ a source
    def example(self) -> PyTree:
        """One row of the inputs, or as many as the model takes."""
        found = self.inner.example()
        return pad(found, self.fixed) if self.fixed else found

    def sample(self) -> Batch:
        """This process's part of a batch, or its shapes."""
        return self.inner.sample()

    def first(self) -> Batch:
        """The first batch of this process."""
        return self.inner.first()

    def expect(self, count: int | None) -> None:
        """Say how many batches will be taken; no others are drawn before."""
        self._left = float("inf") if count is None else count

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, with the rows of all processes."""
        return self._agreed(self.inner.epoch(self._seed(seed), where, skip))

    def _seed(self, seed: np.ndarray | None) -> np.ndarray | None:
        """What shuffles this process's rows: in another order than those of the others."""
        return np.append(seed.ravel(), jax.process_index()) if self.own and seed is not None else seed

    def position(self) -> object:
        """Where each process is in its data."""
        mine = self.inner.position()
        if not self.own:
            return mine
        words = _all_words(as_text(mine), None)
        return Positions(tuple(words)).record()

    def resume(self, total: int, done: int, position: object) -> int:
        """Go on after `total` batches of a run, `done` of them in its epoch; what the epoch still has to skip."""
        if self.own and isinstance(position, Positions):
            position = from_text(position.words[jax.process_index()])
        return self.inner.resume(total, done, position)

    def own_rows(self, outputs: PyTree) -> Any:
        """This process's rows of what a model made of the batch that was handed out first of those not asked for."""
        return own_rows_of(self.where, outputs, self.counts.popleft())

    # ------------------------------------------------------------------ agreement
    def _agreed(self, drawn: Iterator[Batch]) -> Iterator[Batch]:
        agreement, ended, at = Agreement(), False, 0
        waiting: collections.deque[tuple[Batch | None, BaseException | None]] = collections.deque()
        self._told_of_end = False
        while True:
            # each process tells as often as the others, whatever it has
            while not waiting or (len(waiting) < 2 and self._left > len(waiting)):
                batch, error = None, None
                try:
                    batch = None if ended else next(drawn, None)
                except BaseException as raised:
                    error = raised
                ended = batch is None
                agreement.tell(self._message(batch, error))
                waiting.append((batch, error))
            batch, error = waiting.popleft()
            said = agreement.hear()
            if error is not None:
                raise error
            if not self._goes_on(batch, said, at):
                return
            self._left -= 1
            at += 1
            yield self._whole(batch, np.where(said[:, 0] == _BATCH, said[:, 1], 0))

    def _message(self, batch: Batch | None, error: BaseException | None) -> list[int]:
        if batch is None:
            return [_END if error is None else _ERROR, 0, 0, 0]
        return [_BATCH, rows(batch[0]), *_digest(_form(batch), () if self.own else jax.tree.leaves(batch))]

    def _goes_on(self, batch: Batch | None, said: np.ndarray, at: int) -> bool:
        """Whether any process has a batch."""
        kinds = said[:, 0]
        if (kinds == _ERROR).any():
            raise _failed(np.flatnonzero(kinds == _ERROR))
        has = kinds == _BATCH
        if not has.any():
            return False
        if len(np.unique(said[has, 2:], axis=0)) > 1 or (not self.own and len(np.unique(said[has, 1])) > 1):
            raise _unlike(_all_words(_form(batch), self.where), self.own, at)
        if not has.all():
            self._note_end(has, at)
        return True

    def _note_end(self, has: np.ndarray, at: int) -> None:
        """Some processes have no batch more, and others do."""
        ended = _named(np.flatnonzero(~has))
        if not self.own:
            raise ValueError(
                explain(
                    f"The data ended in {ended} after {at} batches, and go on in the others.",
                    usually="data sets of different lengths, or one that can be read once.",
                    write="steps_per_epoch=, the number of batches that each process has",
                )
            )
        if self.lengths is None and not self._told_of_end:  # else it was said before
            self._told_of_end = True
            warnings.warn(
                explain(
                    f"The data ended in {ended} after {at} batches, and go on in the others.",
                    received="the batches that follow have the rows of the others alone",
                    usually="data that were not cut into parts of one length.",
                    write=f"steps_per_epoch={at}, for as many batches from each",
                ),
                UserWarning,
                stacklevel=10,
            )

    def _whole(self, batch: Batch | None, counts: np.ndarray) -> Batch:
        """A batch with the rows of all processes."""
        if not self.own:
            found: Any = batch
            return found
        self.counts.append(counts)
        whole: Batch = rows_of_all(self.where, self._none if batch is None else batch, counts)
        return whole


@dataclasses.dataclass(eq=False, kw_only=True)
class OwnArrays(OfProcesses):
    """Arrays in memory in each of several processes, each with rows of its own.

    How many rows each has is known, so nothing has to be said from batch to batch.

    Attributes:
        sizes: how many rows each process has.
        share: how many of them are in a batch.
    """

    sizes: np.ndarray
    share: int

    @classmethod
    def of(cls, source: Arrays, where: Distribution, training: bool) -> OwnArrays:
        """Arrays, of which this process has its own; numbers of an evaluation do not depend on the batch's size."""
        share, left = divmod(source.data.batch_size, jax.process_count())
        share = share if training else max(1, share)
        if (left and training) or not share:
            raise ValueError(
                explain(
                    "Each process hands in its share of a batch, and the processes do not divide it.",
                    received=f"batch_size={source.data.batch_size}, {jax.process_count()} processes",
                    usually="the rows of one process: batch_size is that of all of them together.",
                    write=f"batch_size={max(1, share) * jax.process_count()}",
                )
            )
        data, sizes = source.data, _gathered([source.data.count])[:, 0]
        mine = ArrayData(data.x, data.y, data.sample_weight, share)
        lengths = -(-sizes // share)
        found = cls(
            passes=lambda: iter(()), length=int(lengths.max()), limit=source.limit, fixed=source.fixed,
            inner=Arrays(mine, source.limit, None), where=where, own=True, lengths=lengths, sizes=sizes, share=share,
        )  # fmt: skip
        found._none = _without_rows(mine.tree)
        return found

    def epoch(self, seed: np.ndarray | None, where: Position, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, with the rows of all processes."""
        drawn, steps = self.inner.epoch(self._seed(seed), where, skip), self.steps or 0
        assert self.lengths is not None
        for at in range(skip, steps):
            place = np.full(len(self.sizes), at)
            if self.limit is not None:
                place = (where.epoch * self.limit + at) % self.lengths
            counts = np.clip(self.sizes - place * self.share, 0, self.share)
            yield self._whole(next(drawn, None), counts)


def _without_rows(batch: Batch) -> Batch:
    found: Batch = jax.tree.map(lambda a: np.zeros((0, *np.shape(a)[1:]), a.dtype), batch)
    return found


# ------------------------------------------------------------------ what processes say
def own_batch(trainer: Learner, batch: Batch) -> tuple[Batch, np.ndarray | None]:
    """One batch of all processes' rows where each hands in its own, and how many rows each has; else as it is."""
    where = trainer.distribution
    if where is None or where.auto_shard_dataset or not spans_processes(trainer):
        return batch, None
    check_own_rows(where)
    counts = _gathered([rows(batch[0])])[:, 0]
    whole: Batch = rows_of_all(where, batch, counts)
    return whole, counts


def _gathered(numbers: list[int]) -> np.ndarray:
    """Numbers of each process, in a row for each."""
    return np.asarray(multihost_utils.process_allgather(np.asarray(numbers, np.int32))).reshape(-1, len(numbers))


def _all_words(mine: str, where: Distribution | None) -> list[str]:
    """What each process has to say; for a message, its beginning."""
    raw = mine.encode() if where is None else mine.encode()[:_WORDS]
    length = int(_gathered([len(raw)]).max())
    text = np.zeros(max(1, length), np.uint8)
    text[: len(raw)] = np.frombuffer(raw, np.uint8)
    found = np.asarray(multihost_utils.process_allgather(text)).reshape(-1, len(text))
    return [bytes(row).rstrip(b"\0").decode(errors="ignore") for row in found]


def _form(batch: PyTree) -> str:
    """The structure, shapes without their rows, and dtypes of a batch."""
    if batch is None:
        return "no batch"
    parts = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
        name = "".join(("x", "y", "sample_weight")[path[0].idx] if i == 0 else str(key) for i, key in enumerate(path))
        parts.append(f"{name}: {jax.dtypes.canonicalize_dtype(leaf.dtype)}{('rows', *np.shape(leaf)[1:])}")
    return ", ".join(parts).replace("'rows'", "rows")


def _digest(form: str, leaves: Any) -> list[int]:
    """Two numbers that differ where a form differs, or arrays do."""
    digest = hashlib.sha256(form.encode())
    for leaf in leaves:
        if not isinstance(leaf, jax.Array):  # an array of JAX on all devices is the same by itself
            digest.update(np.ascontiguousarray(leaf).tobytes())
    return [int(n) for n in np.frombuffer(digest.digest()[:8], np.int32)]


def _check_alike(source: Arrays | Stream, where: Distribution, tree: PyTree, own: bool) -> None:
    """Refuse data of which the processes cannot make batches together.

    Raises:
        ValueError: other arrays, other numbers of steps or, where all should have the same, other rows.
    """
    arrays = isinstance(source, Arrays)
    size = source.data.batch_size if isinstance(source, Arrays) else 0
    said = [int(arrays), size, -1 if source.limit is None else source.limit]
    if not own:
        said.append(rows(tree[0]) if tree[0] is not None else 0)
    looked_at = (source.first(), source.data.batch(source.data.steps - 1)) if isinstance(source, Arrays) else tree
    found = _gathered([*said, *_digest(_form(tree), () if own else jax.tree.leaves(looked_at))])
    if len(np.unique(found[:, : len(said)], axis=0)) > 1:
        words = f"{'arrays' if arrays else 'a stream'}, batch_size={size or None}, steps_per_epoch={source.limit}"
        words += "" if own else f", {said[3]} rows"
        raise ValueError(
            explain(
                "The processes of a run were given data, or arguments, that do not go together.",
                received=_listed(_all_words(words, where)),
                usually="data that were cut for each process; with auto_shard_dataset=False each hands in its own rows."
                if not own
                else "an argument that was made of the process's own data.",
                write="the same data and arguments in each process, or trainer.distribute(auto_shard_dataset=False)"
                if not own
                else "the same batch_size and steps_per_epoch in each process",
            )
        )
    if len(np.unique(found[:, len(said) :], axis=0)) > 1:
        raise _unlike(_all_words(_form(tree), where), own, 0)


def _unlike(words: list[str], own: bool, at: int) -> ValueError:
    alike = len(set(words)) == 1
    return ValueError(
        explain(
            f"Batch {at + 1} is another one in some processes than in process 0."
            if not own
            else f"Batch {at + 1} has arrays of another form in some processes.",
            received="arrays of one form, with other numbers" if alike else _listed(words),
            usually="rows of varying length, padded in each process for itself."
            if own
            else "data that were cut for each process, or shuffled with a seed of the process.",
            write="arrays that are alike but for the number of their rows"
            if own
            else 'the same data in each process, or trainer.distribute(layout="data", auto_shard_dataset=False)',
        )
    )


def _check_faults(fault: BaseException | None) -> None:
    """Raise what went wrong in this process, or that something did in another one."""
    failed = np.flatnonzero(_gathered([fault is not None])[:, 0])
    if fault is not None:
        raise fault
    if len(failed):
        raise _failed(failed)


def _failed(processes: np.ndarray) -> RuntimeError:
    return RuntimeError(
        explain(
            f"The data failed in {_named(processes)}, so no process can go on.",
            received="an error there, whose own message says more",
            usually="a file that cannot be read, or a process that was interrupted.",
        )
    )


def _warn_of_lengths(lengths: np.ndarray) -> None:
    most, least = int(lengths.max()), int(lengths.min())
    warnings.warn(
        explain(
            f"The processes have different numbers of batches: the last {most - least} of the {most} of an epoch have "
            "rows of some of them alone.",
            received=_listed([f"{n} batches" for n in lengths]),
            usually="data that were not cut into parts of one length.",
            write=f"steps_per_epoch={least}, for as many batches from each",
        ),
        UserWarning,
        stacklevel=5,
    )


def _named(processes: np.ndarray) -> str:
    return f"process{'es' * (len(processes) > 1)} {', '.join(map(str, processes))}"


def _listed(words: list[str]) -> str:
    return "; ".join(f"process {i}: {text}" for i, text in enumerate(words[:8]))
