"""fit: a thin loop around compiled steps."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core import explain
from .._batches._given_data import training_source, validation_source
from .._batches._sources import Arrays, Position, no_batches
from .._step._breakable import breakable
from .._step._checked_state import check_optimizer
from .._step._private_copy import private
from .._step._state import TrainState, check_state
from ..callbacks import BackupAndRestore, CallbackList, Event, History
from ..callbacks._frequency import check_choice
from ..callbacks._monitor import check_callbacks
from ._dispatch_size import Pace
from ._drivers import OneByOne, driver_for
from ._evaluate import evaluate_source
from ._interrupt import Interruptible
from ._metric_directions import goals_of
from ._nan_check import Checked, NotFiniteError
from ._progress import Progress
from ._recompile_guard import CompileGuard
from ._run_arguments import check_run, verbosity
from ._run_backup import Backup, Run
from ._unfinished_run import Closing, Reachable, say_interrupted
from ._whole_sets import floats


def fit(
    trainer: Any,
    state: TrainState,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
    *,
    max_steps: int | None = None,
    validate_every: int | None = None,
    checkpoint: Any = None,
    max_compiles: int | None = None,
    check_nans: bool = False,
    on_interrupt: str = "return",
) -> tuple[TrainState, History]:
    """Train for some epochs.

    Args:
        trainer: the trainer.
        state: where to start; it stays usable, `fit` trains a private copy.
        x, y: arrays or pytrees of arrays; or `x` alone, something that yields `(x, y)` or `(x, y, weight)` batches. As
            in Keras a tuple, a dict or a list of arrays is one set with several inputs; a list whose entries are all
            tuples, dicts or lists of arrays is a list of batches, of any length.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        epochs: the epoch to end at; 1 by default, and without end where `max_steps` is given.
        verbose: 0 silent, 1 a bar, 2 a line an epoch; `"auto"` is 1.
        callbacks: callbacks, or functions `(trainer, state, logs) -> state`.
        validation_split: the last fraction of the arrays is held out; not where there is `validation_data`.
        validation_data: `(x, y)` or `(x, y, weight)`, a tuple or a list of arrays; or something that yields batches,
            such as a list of any number of them.
        shuffle: whether each epoch visits the rows in a new order, a function of the state's `rng` and `step`.
        class_weight: a weight for each class, `{class: weight}`, of targets of any rank; a class that is not named
            weighs 1. For several outputs `{output: {class: weight}}`.
        sample_weight: a weight for each row; or a dict by output.
        initial_epoch: the epoch to start at.
        steps_per_epoch: how many batches are an epoch.
        validation_steps, validation_batch_size, validation_freq: the same for the validation.
        max_steps: how many steps the run has at most.
        validate_every: validate after every so many steps, which are then what an epoch is.
        checkpoint: a directory, or a `fk.callbacks.BackupAndRestore`. The run is saved there while it goes on, and
            when it is called again with the same arguments it goes on from there, to the bit.
        max_compiles: how often the train step may be compiled in this call; another batch shape compiles it again.
        check_nans: stop at the first step that makes the loss, a weight or a collection infinite or NaN. The state
            returned is the one before it and `history.bad_batch` its batch, for `fk.train.explain`.
        on_interrupt: what Ctrl-C does: `"return"` ends the run early, says so in a line, and returns what there is;
            `"raise"` raises `KeyboardInterrupt`, so that a script does not go on with half a run. A second Ctrl-C
            always raises, and waits for nothing but the step that runs.

    Returns:
        `(state, history)`. After Ctrl-C, the last whole state and the history so far; likewise, with a warning, where
        data that can be read once ran out before the run's end.

    Raises:
        ValueError: arrays that do not fit each other or the model, or arguments that contradict each other.
        RuntimeError: more than `max_compiles` compilations.
        KeyboardInterrupt: a second Ctrl-C, or the first one with `on_interrupt="raise"`.

    Any exception that ends the training, whoever raised it, has what was learnt: `state, history = error.fkeras_run`,
    the last whole state and the numbers of the epochs that ended. `trainer.fit(state, …, initial_epoch=…)` goes on.
    """
    check_state(state, "fit", "state, x, y")
    check_choice("fit", "on_interrupt", on_interrupt, ("return", "raise"))
    check_optimizer(trainer, state)
    verbose = verbosity(verbose)
    check_run(
        batch_size=batch_size, validation_batch_size=validation_batch_size, validation_steps=validation_steps,
        validation_split=validation_split, validation_freq=validation_freq, initial_epoch=initial_epoch,
        shuffle=shuffle, checkpoint=checkpoint, max_compiles=max_compiles, check_nans=check_nans,
        validates=validation_data is not None,
    )  # fmt: skip
    steps_per_epoch, ends = _lengths(epochs, initial_epoch, steps_per_epoch, max_steps, validate_every)
    split = validation_split if validation_data is None else 0.0  # as in Keras, validation_data overrides the split
    source, held_out = training_source(
        trainer, state, x, y, sample_weight, class_weight, batch_size, split, steps_per_epoch
    )
    variables = state.variables
    validation = validation_source(trainer, variables, validation_data, held_out, batch_size, validation_batch_size)
    calls, backup = _callbacks(callbacks, checkpoint)
    run = Run(private(state), initial_epoch, History(epochs=epochs or 1, steps=source.steps))
    resumed = backup is not None and backup.restore(trainer, run, calls)
    skip = source.resume(run.total, run.done, run.data) if resumed else 0
    validate = None if validation is None else Validation(validation, validation_steps, validation_freq)
    loop = _Loop(
        trainer,
        source,
        run,
        calls,
        backup,
        verbose,
        shuffle,
        max_steps,
        max_compiles,
        initial_epoch,
        check_nans,
        validate,
    )
    with (
        Reachable(run, state, backup),
        Interruptible(terminations=backup is not None) as interruption,
        Closing(calls, backup),
    ):
        try:
            loop.call("_on_run_resumed" if resumed else "on_train_begin")
            if backup is not None and not resumed and any(c._leaves_files for c in calls.callbacks):
                backup.save(trainer, run, calls, source)
            resumed = True  # from here on it can be
            while loop.goes_on(ends):
                if verbose:
                    print(f"Epoch {run.epoch + 1}/{int(ends) if ends < float('inf') else '?'}", flush=True)
                loop.epoch(interruption, skip)
                skip = 0
            loop.finish()
        except NotFiniteError as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=3)
        except KeyboardInterrupt:
            run.history.interrupted = True
            if backup is not None and resumed and not interruption.broken:
                backup.save(trainer, run, calls, source)
            interruption.leave_if_terminated()
            if on_interrupt == "raise" or interruption.count > 1:
                raise
            say_interrupted(run, backup)
    return run.state, run.history


@dataclasses.dataclass(frozen=True)
class Validation:
    """What a run validates on, and when.

    Attributes:
        source: the batches.
        steps: how many of them, `None` for all.
        frequency: after every how many epochs, or after which.
    """

    source: Any
    steps: int | None
    frequency: Any

    def is_due(self, epoch: int) -> bool:
        """Whether an epoch is followed by it."""
        counted = isinstance(self.frequency, int | np.integer)
        return (epoch + 1) % self.frequency == 0 if counted else epoch + 1 in self.frequency


class _Loop:
    """The steps of a run and the calls around them."""

    def __init__(
        self, trainer: Any, source: Any, run: Run, calls: CallbackList, backup: Backup | None, verbose: int,
        shuffle: bool, max_steps: int | None, max_compiles: int | None, initial_epoch: int, check_nans: bool,
        validation: Validation | None,
    ) -> None:  # fmt: skip
        self.trainer, self.source, self.run, self.calls, self.backup = trainer, source, run, calls, backup
        self.verbose, self.max_steps, self.initial_epoch = verbose, max_steps, initial_epoch
        self.validation, self.ran_out = validation, False
        self.example = source.example()
        self.by_batch = bool(calls.hooks("on_train_batch_begin") or calls.hooks("on_train_batch_end"))
        self.goals: dict[str, str | None] = {}
        if calls.callbacks:
            self.goals, closed, late = goals_of(trainer, run.state.variables, self.example)
            names = [*(k for k in self.goals if k not in late), *(f"val_{k}" for k in self.goals if validation)]
            check_callbacks(calls, trainer, run.state, self.goals, names, closed, validation is not None)
        empty = trainer.reset_metrics(run.state, self.example)
        if not run.total:
            run.state = run.state.replace(metrics=empty)
        self.reset = lambda: private(empty)
        seed = np.asarray(run.state.rng_data) if shuffle else None
        self.driver: Any = (
            Checked(trainer, source, seed)
            if check_nans
            else driver_for(trainer, source, run.state, seed, donate=not self.by_batch)
        )
        self.guard = CompileGuard(trainer, source, max_compiles)
        # Batches of a stream may have any shape: where compilations are limited, each is looked at.
        alone = max_compiles is not None and isinstance(self.driver, OneByOne)
        self.pace = Pace(max(1, int(trainer.steps_per_execution)) if self.by_batch else 1 if alone else None)

    @breakable(2)
    def call(self, name: str, **parts: Any) -> Event:
        """Run a hook of every callback; what they return is what trains next.

        Where one raises, all of them remember what they did before the hook: it comes again when the run goes on.
        """
        run, memory = self.run, list(self.calls.memory)
        validates = self.validation is not None
        event = Event(
            trainer=self.trainer, state=run.state, epoch=run.epoch, validates=validates, goals=self.goals, **parts
        )
        try:
            found = self.calls.call(name, event)
        except BaseException:
            self.calls.memory = memory
            raise
        # What a callback saw it may keep, so the run goes on with a copy of its own.
        seen = self.calls.hooks(name) and not self.by_batch
        run.state = private(found.state) if seen else found.state
        return found

    def goes_on(self, ends: float) -> bool:
        """Whether there is another epoch, or one that has begun and not ended: its end comes again after a resume."""
        run = self.run
        if run.epoch >= ends or self.ran_out:
            return False
        enough = self.max_steps is not None and run.total >= self.max_steps
        return run.done > 0 or not (run.stopped or enough)

    @breakable(None)
    def epoch(self, interruption: Interruptible, skip: int) -> None:
        """An epoch's steps, or what is left of them, and its end."""
        run, source = self.run, self.source
        if not run.begun:
            self.call("on_epoch_begin")
            run.began_at = int(run.state.step) if isinstance(source, Arrays) else 0
            run.state = run.state.replace(metrics=self.reset())
            run.begun = True
        self.driver.begin(Position(run.epoch - self.initial_epoch, run.began_at), skip)
        progress, before, last = Progress(source.steps, self.verbose), None, None
        while not run.stopped and (count := self._next_count()) > 0:
            interruption.check()
            unbegun = (run.state, list(self.calls.memory)) if self.by_batch else None
            if self.by_batch:
                self.call("on_train_batch_begin", batch=run.done)
            try:
                self.driver.advance(run.state, count, interruption)
            finally:
                run.state, logs, made = self.driver.reached
                run.done, run.total = run.done + made, run.total + made
                run.logs = logs if made else run.logs
            self.guard.check(self.driver, run.state)
            self._check_finite()
            if not made:
                if unbegun is not None:  # there was no batch, so what was called before it never was
                    run.state, self.calls.memory = unbegun
                break
            unbegun = None
            before, last = last, logs
            if self.by_batch:
                run.stopped = self.call("on_train_batch_end", batch=run.done - 1, logs=logs).stop
            self.pace.wait(before, made)
            progress.step(run.done, last if before is None else before)
            if self.backup is not None and self.backup.is_due(run.total) and run.done != source.steps:
                self.backup.save(self.trainer, run, self.calls, source)
            if made < count:
                break
        interruption.check()
        self._end_epoch(progress, interruption)

    def _end_epoch(self, progress: Progress, interruption: Interruptible) -> None:
        """Validation, the calls and the record at an epoch's end."""
        run = self.run
        cut = self._is_cut()
        if not run.done:
            return
        if cut and self.backup is not None and not self.backup.holds(run):
            # as it is within the epoch: with more steps, or more data, the run goes on from there
            self.backup.save(self.trainer, run, self.calls, self.source)
        memory = list(self.calls.memory)
        try:
            found = self.call("on_epoch_end", logs={**floats(run.logs), **self._validate()})
        except BaseException:
            self.calls.memory = memory
            raise
        run.history.add(run.epoch, dict(found.logs))
        progress.finish(run.done, found.logs)
        run.stopped = run.stopped or found.stop
        run.epoch, run.done, run.begun, run.logs = run.epoch + 1, 0, False, {}
        if self.backup is not None and cut:
            self.backup.saving = self.backup.saving and (run.epoch, run.total)
        elif self.backup is not None and self.backup.is_due(run.total, epoch_ended=True):
            self.backup.save(self.trainer, run, self.calls, self.source)

    @breakable(1)
    def _validate(self) -> dict[str, Any]:
        """The validation's numbers, after an epoch in which it is due."""
        if self.validation is None or not self.validation.is_due(self.run.epoch):
            return {}
        source, steps = self.validation.source, self.validation.steps
        results = evaluate_source(self.trainer, self.run.state, source, steps, 0, self.calls)
        return {f"val_{k}": v for k, v in results.items()}

    def _is_cut(self) -> bool:
        """Whether an epoch ended before its last batch, for want of steps or of data; and a word on the data.

        Raises:
            ValueError: there never was a batch.
        """
        run, steps = self.run, self.source.steps
        enough = self.max_steps is not None and run.total >= self.max_steps
        if run.done == steps or run.stopped or enough:
            return enough and run.done != steps
        if run.done and (steps is None or not self._is_read_once()):
            return False
        if not run.total:
            raise no_batches(run.epoch)
        self.ran_out = True
        warnings.warn(
            explain(
                f"The data ran out: they yielded no batch in epoch {run.epoch + 1}."
                if not run.done
                else f"The data ran out: they yielded {run.done} of {steps} batches in epoch {run.epoch + 1}.",
                received=f"{run.total} batches in all; the training ends here, and what was trained is returned.",
                usually="a generator can be read once, and must yield steps_per_epoch * epochs batches.",
                write="a function that returns a new generator, a list, or an object with __len__ and __getitem__",
            ),
            UserWarning,
            stacklevel=6,
        )
        return True

    def _is_read_once(self) -> bool:
        """Whether what the data lack in this epoch they lack in the next ones, too."""
        return self.source.limit is not None or not getattr(self.source, "restarts", True)

    def finish(self) -> None:
        """The calls and the record at the run's end."""
        run, backup = self.run, self.backup
        if backup is not None:
            backup.wait()
            if not backup.holds(run):
                backup.save(self.trainer, run, self.calls, self.source)
        self.call("on_train_end")
        run.state = self.trainer.finalize(run.state, self.example)
        if backup is not None:
            backup.finish()

    def _check_finite(self) -> None:
        """End the run at a step that was bad.

        Raises:
            NotFiniteError: there was one.
        """
        bad, run = getattr(self.driver, "bad", None), self.run
        if bad is not None:
            run.history.bad_batch = bad
            raise NotFiniteError(
                explain(
                    f"Step {int(run.state.step)} (batch {run.done} of epoch {run.epoch + 1}) is not finite.",
                    received="an infinite or NaN loss, weight or collection; the state before it is returned.",
                    usually="a learning rate that is too high, a root or logarithm at 0, or a bad number in the data.",
                    write="print(fk.train.explain(trainer, state, history.bad_batch))",
                )
            )

    def _next_count(self) -> int:
        """How many steps to make before Python looks again."""
        run, bounds = self.run, [self.pace.count]
        if self.source.steps is not None:
            bounds.append(self.source.steps - run.done)
        if self.max_steps is not None:
            bounds.append(self.max_steps - run.total)
        if self.backup is not None:
            bounds.append(self.backup.until_due(run.total))
        return min(bounds)


def _lengths(
    epochs: int | None, initial_epoch: int, steps_per_epoch: int | None, max_steps: int | None, every: int | None
) -> tuple[int | None, float]:
    """`(steps of an epoch, the epoch to end at)`."""
    for name, value in (("max_steps", max_steps), ("validate_every", every), ("steps_per_epoch", steps_per_epoch)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1):
            raise ValueError(
                explain(f"{name} must be a positive number of steps.", received=repr(value), write=f"{name}=100")
            )
    if every is not None:
        if steps_per_epoch is not None:
            raise ValueError(
                explain(
                    "validate_every and steps_per_epoch both say how many steps an epoch has.",
                    received=f"validate_every={every}, steps_per_epoch={steps_per_epoch}",
                    write=f"validate_every={every}",
                )
            )
        steps_per_epoch = every
    if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 0):
        raise ValueError(
            explain(
                "epochs is the number of the epoch to end at.",
                received=repr(epochs),
                usually="a run without end was meant.",
                write="fit(..., max_steps=10_000) without epochs",
            )
        )
    if epochs is None:
        return steps_per_epoch, float("inf") if max_steps is not None else initial_epoch + 1
    return steps_per_epoch, epochs


def _callbacks(given: Any, checkpoint: Any) -> tuple[CallbackList, Backup | None]:
    """The callbacks, and the backup that one of them or `checkpoint` asks for."""
    listed = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
    asked = [c for c in listed if isinstance(c, BackupAndRestore)]
    if checkpoint is not None:
        asked.append(checkpoint if isinstance(checkpoint, BackupAndRestore) else _backup_at(checkpoint))
    if len(asked) > 1:
        raise ValueError(
            explain(
                "A run is backed up at one place.",
                received=", ".join(str(a.backup_dir) for a in asked),
                usually="BackupAndRestore was given among the callbacks, and checkpoint= too.",
                write="one of the two",
            )
        )
    calls = CallbackList([c for c in listed if not isinstance(c, BackupAndRestore)])
    return calls, Backup(asked[0]) if asked else None


def _backup_at(directory: Any) -> BackupAndRestore:
    """What `checkpoint="run/"` asks for: each epoch and each minute, kept when the run has ended."""
    return BackupAndRestore(directory, delete_checkpoint=False, save_seconds=60)
