"""A run again: from a moment of it to a later step, by the loop of `fit`, its programs and its callbacks."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core import explain
from ..core.typing import Batch, Config, PyTree
from ._batches._by_pass import ByPass
from ._batches._few_batches import few_batches
from ._batches._fingerprint import fingerprint
from ._batches._given_data import training_source, validation_source
from ._batches._indexed import Indexed
from ._batches._positions import resume
from ._batches._prefetch import DEPTH
from ._batches._repeatable import check_repeatable
from ._batches._sources import Arrays, Position, Stream
from ._loop._driver import AroundDriver, Driver
from ._loop._interrupt import Interruptible
from ._loop._run_backup import NOT_RECORDED, Run
from ._loop._run_record import plain, settings_of, unplain
from ._loop._screen import screen_for
from ._loop._training_loop import TrainingLoop
from ._loop._unfinished_run import Closing
from ._loop._validation import Validation
from ._step._placed import as_data_lie, put_state
from ._step._private_copy import private
from ._step._state import TrainState
from ._step._train_step import has_own_step
from .callbacks import CallbackList, History
from .callbacks._base import CallbackSpec, Memory
from .callbacks._replayed import watches


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """Where a run was.

    Attributes:
        state: the state; a replay trains a copy of it.
        record: where the run was, as `save_run` writes it down; `None` of a run that had not begun.
        memory: what each callback remembered.
    """

    state: TrainState
    record: Config | None = None
    memory: Sequence[Memory] | None = None

    @property
    def total(self) -> int:
        """How many steps of the run had been made."""
        return 0 if self.record is None else int(self.record["total"])


class StepBatch(NamedTuple):
    """What a step was trained on.

    Attributes:
        batch: `(x, y, sample_weight)`, class weights among the latter; what `trainer.train_step` takes.
        rows: the indices of the rows in the arrays, or the index of the batch in a data set by index; `None` where the
            data have none.
    """

    batch: Batch
    rows: np.ndarray | int | None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """What is needed to make the steps of a run again: the same trainer, data, callbacks and arguments as `fit` had.

    Attributes:
        trainer: the trainer.
        x, y, sample_weight: the data.
        validation_data: what the run was validated on, which callbacks may look at.
        callbacks: those of the run, in their order.
        arguments: what else decides on the steps: `batch_size`, `shuffle`, `class_weight`, `initial_epoch`,
            `steps_per_epoch`, `validation_split`, `validation_steps`, `validation_batch_size`, `validation_freq`,
            `check_nans`.

    Raises:
        ValueError: data that do not yield the same batches again, as a generator.
    """

    trainer: Any
    x: PyTree
    y: PyTree = None
    sample_weight: PyTree = None
    validation_data: PyTree = None
    callbacks: CallbackSpec | CallbackList = None
    arguments: Config = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_repeatable(self.x)

    @property
    def recorded(self) -> Config:
        """The arguments as a run's record has them."""
        return {name: plain(value) for name, value in self.arguments.items()}

    @property
    def goes_on(self) -> bool:
        """Whether a moment that was reached can be gone on from: not between two hooks of a batch."""
        calls = CallbackList([c for c in CallbackList(self.callbacks).callbacks if not watches(c)])
        return not (calls.hooks("on_train_batch_begin") or calls.hooks("on_train_batch_end"))

    def batches_rows(self, state: TrainState) -> bool:
        """Whether the data are arrays, of whose rows batches are made here."""
        return isinstance(self._sources(state)[0], Arrays)

    def fingerprints(self, state: TrainState) -> tuple[str | None, str | None]:
        """Those of the data and of the validation's, as a run's record has them."""
        source, validation = self._sources(state)
        return fingerprint(source), fingerprint(validation)

    @property
    def settings(self) -> list[str]:
        """How its callbacks are set, as a run's record has it."""
        return settings_of(CallbackList(self.callbacks))

    def to(self, step: int, start: Moment) -> Moment:
        """The run just before a step: the state is what that step takes.

        The steps are made by the programs of `fit`, and callbacks that may change what trains are called as there;
        those that only show or write files are left out.

        Args:
            step: so many steps of the run were made then.
            start: where to begin, not after that step.

        Returns:
            The moment, from which a replay can go on.

        Raises:
            ValueError: the run came to an end before that step.
        """
        calls = CallbackList(self.callbacks, list(start.memory) if start.memory else None)
        source, validation = self._sources(start.state)
        trainer = as_data_lie(self.trainer, source.data.tree) if isinstance(source, Arrays) else self.trainer
        run = _run_at(start, self._initial_epoch, source.steps)
        resumed = start.record is not None
        skip = resume(source, run.total, run.done, run.data) if resumed else 0
        run.state = put_state(trainer, private(start.state))
        kept = [i for i, callback in enumerate(calls.callbacks) if not watches(callback)]
        called = CallbackList([calls.callbacks[i] for i in kept], [calls.memory[i] for i in kept])
        validate = None
        if validation is not None and called.callbacks:
            arguments = self.arguments
            validate = Validation(validation, arguments.get("validation_steps"), arguments.get("validation_freq", 1))
        loop = TrainingLoop.of(
            trainer, source, run, called, backup=None, validation=validate, screen=screen_for(0), ends=float("inf"),
            shuffle=self.arguments.get("shuffle", True), max_steps=None, max_compiles=None,
            initial_epoch=self._initial_epoch, check_nans=self.arguments.get("check_nans", False), prefetch=DEPTH,
        )  # fmt: skip
        loop.driver = _Halting(loop.driver, step - run.total)
        with (
            loop.screen,
            Interruptible() as interruption,
            Closing(called, None),
            called.run(trainer, epochs=None, steps=source.steps, verbose=0),
        ):
            if not resumed:
                loop.call("on_train_begin")
            try:
                while loop.goes_on(float("inf")):
                    loop.epoch(interruption, skip)
                    skip = 0
            except _HaltedError:
                run.data = source.position()
        if run.total != step:
            raise ValueError(
                explain(
                    f"The replay came to its end before step {step}.",
                    received=f"{run.total} steps",
                    usually="the data have fewer batches than they had, or a callback ended the run.",
                    write="the data and the callbacks of the run",
                )
            )
        memory = list(calls.memory)
        for i, own in zip(kept, called.memory, strict=True):
            memory[i] = own
        return _moment_of(run, memory)

    def batch(self, step: int, start: Moment) -> StepBatch:
        """What a step is trained on.

        Args:
            step: so many steps of the run are made before it.
            start: a moment of the run, not after that step.

        Returns:
            The batch, and which rows of the data it has.

        Raises:
            ValueError: the data end before that step.
        """
        if has_own_step(self.trainer):  # which may count its steps in another way, and the order follows from them
            start = self.to(step, start)
        source, _ = self._sources(start.state)
        run = _run_at(start, self._initial_epoch, source.steps)
        done = resume(source, run.total, run.done, run.data) if start.record is not None else 0
        seed = jax.device_get(start.state.rng_data) if self.arguments.get("shuffle", True) else None
        began_at = run.began_at if run.begun else int(jax.device_get(start.state.step))
        epoch, total, steps = run.epoch, run.total, source.steps
        if isinstance(source, Arrays | ByPass | Indexed) and steps:
            epochs, done = divmod(done + step - total, steps)
            epoch, total, began_at = epoch + epochs, step, began_at + epochs * steps
        while total <= step:
            where, before = Position(epoch - self._initial_epoch, began_at), total
            for batch in itertools.islice(source.epoch(seed, where, done), step - total + 1):
                total += 1
                if total > step:
                    return StepBatch(batch, _rows(source, seed, where, done))
            if total == before:
                break
            epoch, began_at, done = epoch + 1, 0, 0
        raise ValueError(
            explain(
                f"The data end before step {step}.", received=f"batches up to step {total}", write="an earlier step"
            )
        )

    @property
    def _initial_epoch(self) -> int:
        return int(self.arguments.get("initial_epoch", 0))

    def _sources(self, state: TrainState) -> tuple[Arrays | Stream, Arrays | Stream | None]:
        asked = self.arguments
        source, held_out = training_source(
            self.trainer, state, self.x, self.y, self.sample_weight, unplain(plain(asked.get("class_weight"))),
            asked.get("batch_size"), asked.get("validation_split", 0.0), asked.get("steps_per_epoch"),
        )  # fmt: skip
        validation = validation_source(
            self.trainer, state.variables, self.validation_data, held_out, asked.get("batch_size"),
            asked.get("validation_batch_size"),
        )  # fmt: skip
        if asked.get("overfit_batches") is not None:
            source = few_batches(source, asked["overfit_batches"])
        return source, validation


def _rows(source: Arrays | Stream, seed: np.ndarray | None, where: Position, place: int) -> np.ndarray | int | None:
    """Which rows of its data a batch of a source has."""
    if isinstance(source, Arrays):
        begins_at, place = source.locate(where, place)
        order, size = source.order(seed, begins_at), source.data.batch_size
        rows = np.arange(place * size, min((place + 1) * size, source.data.count))
        return rows if order is None else order[rows]
    if isinstance(source, Indexed):
        return source.index_of(seed, where, place)
    return None


def _run_at(start: Moment, initial_epoch: int, steps: int | None) -> Run:
    """The record that the loop moves on, at a moment."""
    run = Run(start.state, initial_epoch, History(epochs=None, steps=steps))
    if start.record is not None:
        kept = {f.name for f in dataclasses.fields(Run)}.difference(NOT_RECORDED)
        record = copy.deepcopy({name: value for name, value in start.record.items() if name in kept})
        run = dataclasses.replace(run, **record)
        run.begun, run.stopped = run.begun or run.done > 0, False
    return run


def _moment_of(run: Run, memory: list[Memory]) -> Moment:
    """The moment at which a run is."""
    return Moment(state=run.outcome, record=run.record, memory=memory)


class _HaltedError(Exception):
    """The step that was asked for comes next."""


class _Halting(AroundDriver):
    """A driver that makes so many steps, and ends the loop where another one would begin.

    Args:
        driver: what dispatches the steps.
        left: how many steps to make.
    """

    def __init__(self, driver: Driver, left: int) -> None:
        super().__init__(driver)
        self.left = left

    def advance(self, state: TrainState, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state, and no more than are left."""
        self.reached = state, None, 0
        wanted = min(count, self.left)
        if wanted:
            try:
                self.driver.advance(state, wanted, interruption)
            finally:
                self.reached = self.driver.reached
                self.left -= self.reached[2]
        if wanted < count and self.reached[2] == wanted:
            raise _HaltedError
