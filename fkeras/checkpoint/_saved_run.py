"""A run on disk, asked for any step: the state before it, its batch, and the step at which something went wrong."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

import jax
import numpy as np

from ..core import explain
from ..core.typing import ArrayLike
from ..train import Finding, Moment, Replay, StepBatch, Trainer, TrainState
from ..train import explain as explain_step
from ._orbax._manifest import read_manifest
from ._runs import read_moment
from ._state_diff import StateDiff, state_diff


@dataclasses.dataclass(frozen=True)
class Bisected:
    """The step at which the answer of a test changes.

    Attributes:
        step: the state before it has the answer of the run's beginning, the state before the next one has not: it is
            this step that made the difference. `run.batch(step)` is what it was trained on.
        replays: how many states were made by a replay.
        steps: how many steps they had in all.
    """

    step: int
    replays: int
    steps: int


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SavedRun:
    """A run in a directory, as `fk.open_run` opens it. Steps are counted from 0, from the run's beginning.

    Attributes:
        directory: where.
        trainer: what trained.
        saves: after how many steps the run was saved, of the saves that can be gone on from.
        total: how many steps were made, up to the last save.
        since: the step from which on `fit` had the arguments, the data and the trainer that it has now.
        nbytes: how many bytes the directory takes.
        replay: what makes steps again.
    """

    directory: pathlib.Path
    trainer: Trainer
    saves: tuple[int, ...]
    total: int
    since: int
    nbytes: int
    replay: Replay
    _like: TrainState
    _start: TrainState | None

    @property
    def steps(self) -> range:
        """The steps that can be asked for."""
        return range(0 if self._start is not None else self.saves[0], self.total + 1)

    def __repr__(self) -> str:
        shown = [str(s) for s in self.saves]
        shown = shown if len(shown) < 9 else [*shown[:4], "…", *shown[-3:]]
        steps = f"steps {self.steps[0]} to {self.total}"
        return f"<SavedRun {str(self.directory)!r}: {steps}, saved at {', '.join(shown)}; {self.nbytes:,} bytes>"

    def at(self, step: int) -> TrainState:
        """The state before a step, to the bit: what that step takes.

        The nearest save at or before it is read, and the steps from there are made again as `fit` made them. So
        `run.at(n)` has seen the first `n` batches. At an epoch's first step the running sums are empty, and what
        callbacks do between epochs is done. `run.at(run.total)` is the state as the last save has it.

        Args:
            step: which.

        Returns:
            The state.

        Raises:
            TypeError, ValueError: there is no such step.
        """
        step = self._checked(step)
        if step == self.total:
            return self._read(self.saves[-1]).state
        return self.replay.to(step, self._nearest(step)).state

    def batch(self, step: int) -> StepBatch:
        """What a step is trained on: `(x, y, sample_weight)`, and the indices of its rows.

        Args:
            step: which; `run.total` is the one that would come next.

        Returns:
            The batch, and the indices of its rows; `batch, rows = run.batch(step)`.

        Raises:
            TypeError, ValueError: there is no such step, or no such data.
        """
        step = self._checked(step)
        return self.replay.batch(step, self._nearest(step))

    def diff(self, step: int | TrainState, other: int | TrainState) -> StateDiff:
        """How far the variables of each layer moved between two steps: norms, relative to what they were, largest.

        Args:
            step, other: two steps, of which the states before them are compared; or states.

        Returns:
            A table as text, and in a notebook; its `rows` are the layers.
        """
        sides = (step, other)
        before, after = [s if isinstance(s, TrainState) else self.at(s) for s in sides]
        names = ["a state" if isinstance(s, TrainState) else f"step {s}" for s in sides]
        return state_diff(before, after, (names[0], names[1]))

    def explain(self, step: int) -> Finding:
        """What in a step is the first that is not finite: `fk.train.explain` of its state and its batch.

        Args:
            step: which.

        Returns:
            A `Finding`; `print` it.
        """
        return explain_step(self.trainer, self.at(step), self.batch(step).batch)

    def bisect(
        self, test: Callable[[TrainState], ArrayLike], first: int | None = None, last: int | None = None
    ) -> Bisected:
        """The step across which the answer of a test changes.

        The test is asked of the states before `first` and before `last`, which it has to answer differently, then of
        saves between them, then of states that are made again: so many as it takes to halve the rest until one step is
        left, `log2(n)`. Where the answer changes several times, one of those steps is found.

        Args:
            test: `state -> bool`.
            first, last: between which steps; the first and the last one that can be asked for by default.

        Returns:
            The step, and how many replays there were.

        Raises:
            ValueError: the test has the same answer at both ends.

        >>> import fkeras as fk, numpy as np, tempfile
        >>> trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1)]).compile("sgd", "mse")
        >>> x = np.ones((64, 1), "float32"); x[37] = np.nan
        >>> with tempfile.TemporaryDirectory() as place:
        ...     kept = fk.callbacks.BackupAndRestore(place, keep_every=16, delete_checkpoint=False)
        ...     _ = trainer.fit(trainer.init(0), x, x, batch_size=2, callbacks=kept, verbose=0)
        ...     run = fk.open_run(place, x, x)
        ...     found = run.bisect(lambda state: np.isfinite(state.params["dense"]["kernel"]).all())
        ...     bool((run.batch(found.step).rows == 37).any()), found.replays <= 5
        (True, True)
        """
        low = self.steps[0] if first is None else self._checked(first)
        high = self.total if last is None else self._checked(last)
        begin, end = bool(test(self.at(low))), bool(test(self.at(high)))
        if begin == end or low >= high:
            raise ValueError(
                explain(
                    "The test has to answer differently at the two ends.",
                    received=f"{begin} before step {low}, {end} before step {high}",
                    usually="what it looks for happened before, or not at all; or in a part of the state it ignores.",
                    write="run.bisect(lambda state: np.isfinite(state.params['dense']['kernel']).all())",
                )
            )
        replays = steps = 0
        known: Moment | None = None
        while high - low > 1:
            between = [save for save in self.saves if low < save < high]
            middle = between[len(between) // 2] if between else (low + high) // 2
            start = self._nearest(middle)
            if known is not None and known.total > start.total:
                start = known
            moment = self.replay.to(middle, start)
            replays, steps = replays + (middle > start.total), steps + middle - start.total
            if bool(test(moment.state)) == begin:
                low, known = middle, moment if self.replay.goes_on else None
            else:
                high = middle
        return Bisected(low, replays, steps)

    def verify(self) -> list[int]:
        """The saves at which a replay from the save before does not lead to the same bits; none in a run that replays.

        A run whose callbacks remember things outside of `event.memory`, or whose data changed, shows here.
        """
        wrong = []
        for save, after in zip(self.saves[:-1], self.saves[1:], strict=True):
            made = self.replay.to(after, self._read(save)).state
            kept = self.replay.to(after, self._read(after)).state
            same = [
                np.array_equal(_bits(a), _bits(b))
                for a, b in zip(jax.tree.leaves(made), jax.tree.leaves(kept), strict=True)
            ]
            wrong += [] if all(same) else [after]
        return wrong

    def _checked(self, step: object) -> int:
        if isinstance(step, bool) or not hasattr(step, "__index__"):
            raise TypeError(explain("A step is a whole number.", received=repr(step)[:80], write="run.at(100)"))
        if int(step) in self.steps:
            return int(step)
        early = 0 <= int(step) < self.steps[0]
        raise ValueError(
            explain(
                f"The run cannot be asked for step {int(step)}.",
                received=f"steps {self.steps[0]} to {self.total}; saves at {', '.join(map(str, self.saves[:8]))}",
                usually=(
                    "fit(checkpoint=...) alone keeps the last two saves; or the run had other arguments, data or parts "
                    "before."
                    if early
                    else "steps are counted from 0, and the run is known up to its last save."
                ),
                write=(
                    "fk.open_run(..., state=trainer.init(0))   # the state that the run began with\n"
                    f"checkpoint=fk.callbacks.BackupAndRestore({str(self.directory)!r}, keep_every=100, "
                    "delete_checkpoint=False)   # of fit, in the next run: it keeps step 0 and every 100th"
                    if early
                    else f"run.at({self.total})"
                ),
            )
        )

    def _nearest(self, step: int) -> Moment:
        """The last moment at or before a step that is at hand."""
        before = [save for save in self.saves if save <= step]
        if before:
            return self._read(before[-1])
        assert self._start is not None  # or the step would have been refused
        return Moment(state=self._start)

    def _read(self, save: int) -> Moment:
        checkpoint = self.directory / f"{save:09d}"
        state, record, memory = read_moment(
            checkpoint, read_manifest(checkpoint, ("trainer",)), self.trainer, self._like
        )
        return Moment(state=state, record=record, memory=memory)


def _bits(leaf: ArrayLike) -> np.ndarray:
    return np.atleast_1d(np.asarray(leaf)).view(np.uint8)
