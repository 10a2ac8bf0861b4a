"""The loop of `fit`: the steps of each epoch, and the calls around them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import jax

from ...core import explain
from ...core.typing import PyTree
from .._batches._by_pass import ByPass
from .._batches._indexed import Indexed
from .._batches._of_processes import OfProcesses
from .._batches._sources import Arrays, Position, Stream, no_batches
from .._step._breakable import breakable
from .._step._learner import Learner
from .._step._log_names import log_names
from .._step._logged_norms import OF_THE_RUN
from .._step._own_loss import room_for_logs
from .._step._placed import put_everywhere, spans_processes
from .._step._private_copy import private
from .._step._running_sums import RunningSums
from .._step._train_step import has_own_loss
from ..callbacks import CallbackList, Event
from ..callbacks._monitor import check_callbacks
from ._dispatch_size import DispatchSize
from ._driver import Driver
from ._drivers import driver_for
from ._evaluate import evaluate_source
from ._interrupt import Interruptible
from ._metric_directions import goals_of
from ._nan_check import Checked, NotFiniteError
from ._one_by_one import OneByOne
from ._progress import Progress
from ._recompile_guard import RecompileGuard
from ._run_backup import Backup, Run
from ._run_digests import RunDigests, fetch
from ._screen import Screen
from ._throughput import Throughput
from ._time_limit import TimeLimit
from ._validation import Validation
from ._whole_sets import floats


@dataclasses.dataclass(eq=False, kw_only=True)
class TrainingLoop:
    """The steps of a run and the calls around them.

    Attributes:
        trainer: whose steps.
        source: the batches.
        run: where the run is; the loop moves it on.
        calls: the callbacks.
        backup: what keeps the run on disk, if anything does.
        validation: what epochs are validated on, if anything.
        screen: where progress is shown.
        ends: the number of the epoch that the run ends at; infinite where nobody knows.
        initial_epoch: the epoch that the call started at.
        max_steps: how many steps the run has at most.
        example: one input, or its shapes, from which a model's structure follows.
        names: the order of the numbers in the logs.
        goals: which way each number in the logs is better.
        by_batch: whether a callback is called around each batch.
        empty: the running sums at an epoch's beginning.
        driver: what dispatches the steps.
        guard: what counts compilations.
        dispatch_size: how many steps are dispatched at once.
        ran_out: whether data that can be read once came to their end.
        last: the numbers of the last epoch that ended in this call.
        digests: what notes the digests of states, if anything does.
        length: how many steps the last epoch had, for data that do not say how many there are.
        throughput: what says how fast the run is, if the trainer logs it.
        limit: what says that the time is up, if anything does.
        out_of_time: whether it was up.
    """

    trainer: Learner
    source: Arrays | Stream
    run: Run
    calls: CallbackList
    backup: Backup | None
    validation: Validation | None
    screen: Screen
    ends: float
    initial_epoch: int
    max_steps: int | None
    example: PyTree
    names: tuple[str, ...]
    goals: Mapping[str, str | None]
    by_batch: bool
    empty: RunningSums
    driver: Driver
    guard: RecompileGuard
    dispatch_size: DispatchSize
    ran_out: bool = False
    last: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    length: int | None = None
    digests: RunDigests | None = None
    throughput: Throughput | None = None
    limit: TimeLimit | None = None
    out_of_time: bool = False

    @classmethod
    def of(
        cls, trainer: Learner, source: Arrays | Stream, run: Run, calls: CallbackList, *, backup: Backup | None,
        validation: Validation | None, screen: Screen, ends: float, shuffle: bool, max_steps: int | None,
        max_compiles: int | None, initial_epoch: int, check_nans: bool, prefetch: int,
    ) -> TrainingLoop:  # fmt: skip
        """The loop of a run, its callbacks checked and its driver chosen."""
        example = source.example()
        by_batch = bool(calls.hooks("on_train_batch_begin") or calls.hooks("on_train_batch_end"))
        goals: dict[str, str | None] = {}
        if calls.callbacks:
            goals, closed, late = goals_of(trainer, run.state.variables, example)
            names = [*(k for k in goals if k not in late), *(f"val_{k}" for k in goals if validation)]
            check_callbacks(calls, trainer, run.state, goals, names, closed, validation is not None)
        empty = trainer.reset_metrics(run.state, example)
        if has_own_loss(trainer):
            empty = room_for_logs(trainer, empty, run.state, source.sample(), training=True)
        if trainer.distribution is not None:
            empty = put_everywhere(trainer, empty)
        sums = RunningSums.of({**run.state.metrics, "logs": run.log_sums}) if run.total and run.log_sums else None
        if not run.total:
            sums = empty
        if sums is not None:
            run.state = run.state.replace(metrics=sums)
        seed = jax.device_get(run.state.rng_data) if shuffle else None
        driver: Driver
        if check_nans:
            driver = Checked(trainer, source, seed)
        else:
            driver = driver_for(trainer, source, run.state, seed, donate=not by_batch, prefetch=prefetch)
        # Batches of a stream may have any shape: where compilations are limited, each is looked at.
        singly = max_compiles is not None and isinstance(driver, OneByOne)
        steps = max(1, int(trainer.steps_per_execution)) if by_batch else 1 if singly else None
        return cls(
            trainer=trainer, source=source, run=run, calls=calls, backup=backup, validation=validation,
            screen=screen, ends=ends, names=log_names(trainer, run.state, example),
            initial_epoch=initial_epoch, max_steps=max_steps, example=example, goals=goals,
            by_batch=by_batch, empty=empty, driver=driver, guard=RecompileGuard(trainer, source, max_compiles),
            dispatch_size=DispatchSize(steps, spans_processes(trainer)),
            throughput=Throughput(trainer, run.state, source.sample()) if {*OF_THE_RUN} & {*trainer.log} else None,
        )  # fmt: skip

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
        run.stopped = run.stopped or found.stop
        return found

    def goes_on(self, ends: float) -> bool:
        """Whether there is another epoch, or one that has begun and not ended: its end comes again after a resume."""
        run = self.run
        if run.epoch >= ends or self.ran_out:
            return False
        return run.done > 0 or not (run.stopped or self._enough())

    @breakable(None)
    def epoch(self, interruption: Interruptible, skip: int) -> None:
        """An epoch's steps, or what is left of them, and its end."""
        run, source = self.run, self.source
        if not run.begun:
            self.call("on_epoch_begin")
            run.began_at = (
                int(jax.device_get(run.state.step))
                if isinstance(source, Arrays | ByPass | Indexed | OfProcesses)
                else 0
            )
            run.state = run.state.replace(metrics=private(self.empty))
            run.begun = True
        self.driver.begin(Position(run.epoch - self.initial_epoch, run.began_at), skip)
        progress, before, last = self._progress(), None, None
        if self.throughput is not None:
            self.throughput.begin()
        while not (run.stopped or self.out_of_time) and (count := self._next_count()) > 0:
            interruption.check()
            unbegun = (run.state, list(self.calls.memory)) if self.by_batch else None
            if self.by_batch:
                self.call("on_train_batch_begin", batch=run.done)
            if isinstance(source, OfProcesses):
                source.expect(count)
            try:
                self.driver.advance(run.state, count, interruption)
            finally:
                run.state, logs, made = self.driver.reached
                run.done, run.total = run.done + made, run.total + made
                run.logs = logs if made and logs is not None else run.logs
            if self.throughput is not None:
                self.throughput.note(logs, made)
            self.guard.check(self.driver, run.state)
            self._check_finite()
            if not made:
                if unbegun is not None:  # there was no batch, so what was called before it never was
                    run.state, self.calls.memory = unbegun
                break
            unbegun = None
            if self.digests is not None:
                self.digests.note(run)
            before, last = last, logs
            if self.by_batch:
                self.call("on_train_batch_end", batch=run.done - 1, logs=logs)
            self.dispatch_size.wait(before, made)
            progress.step(run.done, (last if before is None else before) or {})
            if self.backup is not None and self.backup.is_due(run.total) and run.done != source.steps:
                self.backup.save(self.trainer, run, self.calls, source)
            if made < count:
                break
            self.out_of_time = self.limit is not None and self.limit.is_up()
        interruption.check(at_end=True)
        self._end_epoch(progress, interruption)

    def _end_epoch(self, progress: Progress, interruption: Interruptible) -> None:
        """Validation, the calls and the record at an epoch's end."""
        run = self.run
        cut = self._is_cut()
        fetch(run.history)
        if not run.done:
            return
        if cut and self.backup is not None and not self.backup.holds(run):
            # as it is within the epoch: with more steps, or more data, the run goes on from there
            self.backup.save(self.trainer, run, self.calls, self.source)
        memory, run.trained = list(self.calls.memory), not cut
        speed = {} if self.throughput is None else self.throughput.numbers(run.logs)
        try:
            logs = {**floats(run.logs, self.names), **speed, **self._validate(progress)}
            found = self.call("on_epoch_end", logs=logs)
        except BaseException:
            self.calls.memory = memory
            raise
        run.history.add(run.epoch, dict(found.logs))
        self.last = found.logs
        progress.finish(run.done, found.logs)
        self.length = run.done
        run.epoch, run.done, run.begun, run.logs, run.trained = run.epoch + 1, 0, False, {}, False
        if self.backup is not None and cut:
            self.backup.saving = self.backup.saving and (run.epoch, run.total)
        elif self.backup is not None and self.backup.is_due(run.total, epoch_ended=True):
            self.backup.save(self.trainer, run, self.calls, self.source)

    @breakable(1)
    def _validate(self, progress: Progress) -> dict[str, Any]:
        """The validation's numbers, after an epoch in which it is due."""
        if self.validation is None or not self.validation.is_due(self.run.epoch):
            return {}
        source, steps = self.validation.source, self.validation.steps
        part = progress.part("validation", steps or source.steps)
        results = evaluate_source(self.trainer, self.run.state, source, steps, part, self.calls)
        return {f"val_{k}": v for k, v in results.items()}

    def _progress(self) -> Progress:
        """The line of the epoch that begins."""
        run, last = self.run, int(self.ends) if self.ends < float("inf") else "?"
        title = f"Epoch {run.epoch + 1}/{last}" if last != 1 else ""
        return Progress(self.screen, self.source.steps or self.length, title, self.names, run.done)

    def _is_cut(self) -> bool:
        """Whether an epoch ended before its last batch, for want of steps or of data; and a word on the data.

        Raises:
            ValueError: there never was a batch.
        """
        run, steps = self.run, self.source.steps
        enough = self._enough()
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

    def _enough(self) -> bool:
        """Whether the run has had the steps, or the time, that it was given."""
        return self.out_of_time or (self.max_steps is not None and self.run.total >= self.max_steps)

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
        self.call("on_train_end", logs=self.last or run.history.last())
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
        run, bounds = self.run, [self.dispatch_size.count]
        if self.source.steps is not None:
            bounds.append(self.source.steps - run.done)
        if self.max_steps is not None:
            bounds.append(self.max_steps - run.total)
        if self.backup is not None:
            bounds.append(self.backup.until_due(run.total))
        if self.digests is not None:
            bounds.append(self.digests.until_due(run.total))
        return min(bounds)
