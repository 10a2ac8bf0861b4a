"""The loop of `fit_many`: the steps of each epoch for all members, and the calls around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.sharding import Mesh

from ...core import explain
from ...core.typing import ArrayLike, PyTree
from .._batches._arrays import ArrayData, order_of
from .._batches._sources import Arrays, Stream
from .._step._breakable import breakable
from .._step._forward import graph_of
from .._step._hyperparameters import with_hyperparameters, without_hyperparameters
from .._step._learner import Learner
from .._step._log_names import log_names
from .._step._many import finalized, stack
from .._step._many_steps import one_step
from .._step._measurement import log_sums, without_logs
from .._step._own_loss import room_for_logs
from .._step._programs import compiled
from .._step._running_sums import RunningSums
from .._step._state import TrainState
from .._step._train_step import has_own_loss
from ..callbacks._base import CallbackLike
from ..distribution._layout import DataParallel
from ..distribution._processes import several_processes
from ._device_memory import on_cpu
from ._dispatch_size import DispatchSize
from ._evaluate_many import all_rows, evaluate_alone, evaluate_group, evaluates_together
from ._folds import Folds
from ._histories import Histories
from ._interrupt import Interruptible
from ._member_callbacks import MemberCallbacks
from ._member_drivers import MemberDriver, MemberLogs, OneAfterAnother, Together, numbers_of_members
from ._members import Member
from ._metric_directions import goals_of
from ._on_device import runs_on_device
from ._progress import Progress
from ._run_backup import Backup, Run
from ._screen import Screen
from ._step_inspection import calls_back, steps_in_a_row
from ._validation import Validation
from ._vmap_or_loop import bytes_of, is_little, known, measured, memory_of_device
from ._vmap_or_loop import members_at_once as fitting

T = TypeVar("T", bound=Learner)


@dataclasses.dataclass
class ManyRun(Run):
    """Where the runs of many members are: what one run is, and

    Attributes:
        active: which members train on.
        how: how they run, `"vmap"` or `"loop"`, and how many in one program; a run that goes on does it as before.
    """

    active: list[bool] = dataclasses.field(default_factory=list)
    how: tuple[str, int] = ("", 0)


@dataclasses.dataclass(eq=False, kw_only=True)
class ManyRuns:
    """The runs of many members, epoch by epoch.

    Attributes:
        given: the trainer that the user has.
        trainer: the same, with hyperparameters in its states, on no devices of its own.
        source: the batches.
        members: the members.
        folds: which rows each trains on.
        run: where the runs are.
        calls: the callbacks.
        backup: what keeps the runs on disk, if anything does.
        validation: what members are validated on, if not on their fold's rows.
        frequency: after which epochs.
        sizes: rows in a batch of the validation on a fold's rows.
        screen: where progress is shown.
        epochs: how many epochs there are.
        orders: the seeds of the orders of rows; `None` leaves them as they are.
        names: the order of the numbers in the logs.
        goals: which way each of them is better.
        empty: the running sums at an epoch's beginning.
        driver: what dispatches the steps.
        resumed: whether the runs go on from where they were saved.
        begun: whether they can be saved.
        shared: whether all members see the same batches.
        logs: the numbers of the last steps of the epoch that is under way, on the device.
        pace: how many steps are dispatched at once.
        ordered: the step at which the epoch begins whose orders the driver has.
    """

    given: Learner
    trainer: Learner
    source: Arrays
    members: Sequence[Member]
    folds: Folds | None
    run: ManyRun
    calls: MemberCallbacks
    backup: Backup | None
    validation: Validation | None
    frequency: int | Collection[int]
    sizes: int
    screen: Screen
    epochs: int
    orders: np.ndarray | None
    names: tuple[str, ...]
    goals: Mapping[str, str | None]
    empty: PyTree
    driver: MemberDriver
    resumed: bool
    begun: bool = False
    shared: bool = False
    logs: MemberLogs | None = None
    pace: DispatchSize = dataclasses.field(default_factory=lambda: DispatchSize(None))
    ordered: int | None = None

    @classmethod
    def of(
        cls, trainer: Learner, source: Arrays, members: Sequence[Member], folds: Folds | None, *,
        callbacks: Sequence[CallbackLike], validation: Validation | None, validation_size: int | None,
        frequency: int | Collection[int], backup: Backup | None, epochs: int, shuffle: bool, shared_order: bool,
        vectorize: bool | str, at_once: int | None, screen: Screen,
    ) -> ManyRuns:  # fmt: skip
        """The runs, from their beginning or from where they were saved, with their driver."""
        if several_processes():
            raise ValueError(
                explain("fit_many runs in one process.", write="other seeds in each process, or trainer.fit")
            )
        example, count = source.example(), len(members)
        mesh = _mesh_of(trainer)
        plain = trainer.replace(distribution=None)
        tuned, states = _first_states(plain, members, example)
        one = jax.tree.map(lambda a: a[0], states)
        calls = MemberCallbacks(callbacks, count)
        goals, closed, late = goals_of(plain, one.variables, example)
        validates = validation is not None or folds is not None
        names = [*(k for k in goals if k not in late), *(f"val_{k}" for k in goals if validates)]
        calls.check(tuned, one, goals, names, closed, validates)
        empty = plain.reset_metrics(one, example)
        if has_own_loss(plain):
            empty = room_for_logs(tuned, empty, one, source.sample(), training=True)
        histories = Histories(members, trainer, goals, folds)
        run = ManyRun(states, 0, histories, active=[True] * count)  # type: ignore[arg-type]
        resumed = backup is not None and backup.restore(tuned, run, calls)  # type: ignore[arg-type]
        if resumed:
            run.state = _with_sums(run)
        keys = states.rng_data if shuffle else None
        found = cls(
            given=trainer, trainer=tuned, source=source, members=members, folds=folds, run=run, calls=calls,
            backup=backup, validation=validation, frequency=frequency,
            sizes=validation_size or source.data.batch_size, screen=screen, epochs=epochs,
            orders=keys[:1] if keys is not None and shared_order else keys, names=log_names(plain, one, example),
            goals=goals, empty=empty, driver=None,  # type: ignore[arg-type]
            resumed=resumed,
        )  # fmt: skip
        found.shared = (shared_order and folds is None) or (not shuffle and folds is None)
        found.driver = found._driver(mesh, vectorize, at_once, states)
        return found

    # ------------------------------------------------------------------ how the members run
    def _driver(
        self, mesh: tuple[Mesh, str] | None, vectorize: bool | str, at_once: int | None, start: TrainState
    ) -> MemberDriver:
        data, count, trainer = self.source.data, len(self.members), self.trainer
        one = jax.tree.map(lambda a: a[0], start)
        batch = data.spec(min(data.batch_size, self.rows))
        step = one_step(trainer, donate=False)
        eager = trainer.run_eagerly
        on_device = not eager and runs_on_device(trainer, self.source, step, one)
        careful = not eager and not on_cpu() and calls_back(trainer, step, one, batch)
        unrolled = 0 if eager else steps_in_a_row(trainer, step, one, batch)

        def loop() -> OneAfterAnother:
            return OneAfterAnother(trainer, data, count, on_device, unrolled, careful)

        def together(size: int) -> Together:
            return Together(trainer, data, count, size, mesh, unrolled, careful)

        def begin(driver: MemberDriver) -> None:
            driver.put(start)
            driver.reset(self.empty, np.ones(count, bool))
            driver.begin(self._orders(0), self.rows)

        driver: MemberDriver | None = None
        if self.resumed:
            how, size = self.run.how
        else:
            limit = memory_of_device()
            size = fitting(
                count, at_once, is_little(count, one, data.tree, limit),
                lambda n: bytes_of(together(n), jax.tree.map(lambda a: a[:n], start), self.rows), limit,
            )  # fmt: skip
            decided = known(trainer if mesh is None else self.given, vectorize, count, one, batch)
            if decided is None and not self.epochs:
                decided = "loop"
            if decided is None:
                decided, driver = measured(loop, lambda: together(size), begin, self.steps * self.epochs, count)
            how = decided
        self.run.how = (how, size)
        self.histories.how = (how, size)
        if driver is None:
            driver = loop() if how == "loop" else together(size)
        driver.put(self.run.state)
        if not self.resumed:
            driver.reset(self.empty, np.ones(count, bool))
        return driver

    # ------------------------------------------------------------------ facts
    @property
    def histories(self) -> Histories:
        """The numbers so far."""
        found: Histories = self.run.history  # type: ignore[assignment]
        return found

    @property
    def rows(self) -> int:
        """How many rows an epoch has."""
        return self.source.data.count if self.folds is None else self.folds.size

    @property
    def steps(self) -> int:
        """How many steps an epoch has."""
        return -(-self.rows // self.source.data.batch_size)

    @property
    def active(self) -> np.ndarray:
        """Which members train."""
        return np.array(self.run.active, bool)

    def _orders(self, begins_at: int) -> np.ndarray | None:
        """The order of the rows of the epoch that begins at a step, of each member or of all."""
        if self.folds is None:
            if self.orders is None:
                return None
            found = np.empty((len(self.orders), self.rows), np.int32)
            for row, key in zip(found, self.orders, strict=True):
                row[:] = order_of(key, begins_at, self.rows)
            return found[0] if self.shared else found
        orders = []
        for i, member in enumerate(self.members):
            rows = self.folds.training(member.fold or 0)
            if self.orders is not None:
                key = self.orders[i if len(self.orders) > 1 else 0]
                rows = rows[order_of(key, begins_at, len(rows))]
            orders.append(rows[: self.rows])
        return np.stack(orders)

    # ------------------------------------------------------------------ the run
    def train(self, interruption: Interruptible) -> None:
        """All epochs that are left."""
        if not self.resumed:
            self._call("on_train_begin")
        self.begun = True
        run = self.run
        while run.epoch < self.epochs and (run.done or self.active.any()):
            self._epoch(interruption)
        if self.backup is not None:
            self.backup.wait()
            if not self.backup.holds(run):
                self.save()
        last = {name: rows[-1] for name, rows in self.histories.history.items()}
        everyone = np.ones(len(self.members), bool)
        logs = {name: np.array([np.nan if v is None else v for v in values], float) for name, values in last.items()}
        self._call("on_train_end", logs, everyone)
        self.histories.kept = self.calls.kept()
        run.state = compiled(self.trainer, finalized)(self.driver.states(), self.source.example())
        self.driver.put(run.state)
        if self.backup is not None:
            self.backup.finish()

    @breakable(None)
    def _epoch(self, interruption: Interruptible) -> None:
        run, active = self.run, self.active
        if not run.begun:
            self._call("on_epoch_begin")
            self.driver.reset(self.empty, active)
            run.began_at, run.begun = run.total, True
        self._order(run.began_at)
        progress = Progress(self.screen, self.steps, self._title(), self.names, run.done)
        pace, before = self.pace, None
        while run.done < self.steps:
            interruption.check()
            count = min(pace.count, self.steps - run.done)
            count = count if self.backup is None else min(count, self.backup.until_due(run.total))
            made, found = self.driver.advance(run.done, count, active)
            before, self.logs = self.logs, found
            run.done, run.total = run.done + made, run.total + made
            pace.wait(before, made)
            progress.step(run.done, {} if before is None or self.screen.silent else self._middle(before, active))
            if self.backup is not None and self.backup.is_due(run.total) and run.done != self.steps:
                self.save()
        interruption.check()
        if run.epoch + 1 < self.epochs:  # while the device is busy with what was just dispatched
            self._order(run.total)
        self._end_epoch(progress)

    def _order(self, begins_at: int) -> None:
        """Give the driver the orders of the epoch that begins at a step, if it does not have them."""
        if self.ordered != begins_at:
            self.driver.begin(self._orders(begins_at), self.rows)
            self.ordered = begins_at

    def _end_epoch(self, progress: Progress) -> None:
        run, active = self.run, self.active
        self._note_logs()
        numbers = {name: np.array(values) for name, values in run.logs.items()} | self._validate(active)
        for values in numbers.values():
            values[~active] = np.nan  # of a member that had stopped there are none
        numbers, stops = self._call("on_epoch_end", numbers, active)
        here = {name: [_plain(v) for v in values] for name, values in numbers.items()}
        self.histories.add(run.epoch, here, active.tolist())
        self.histories.kept = self.calls.kept()
        run.active = (active & ~stops).tolist()
        progress.finish(run.done, {name: _mean(values[active]) for name, values in numbers.items()})
        run.epoch, run.done, run.begun, run.logs, self.logs = run.epoch + 1, 0, False, {}, None
        if self.backup is not None and self.backup.is_due(run.total, epoch_ended=True):
            self.save()

    def _note_logs(self) -> None:
        """Make numbers of the host of those of the last steps."""
        if self.logs is not None:
            self.run.logs = numbers_of_members(self.logs, len(self.members), self.names)

    def _middle(self, logs: MemberLogs, active: np.ndarray) -> dict[str, np.ndarray]:
        found = numbers_of_members(logs, len(self.members), self.names)
        return {name: _mean(values[active]) for name, values in found.items()}

    def _title(self) -> str:
        count, trains = len(self.members), int(self.active.sum())
        many = f"{count} members" if trains == count else f"{trains} of {count} members"
        return f"Epoch {self.run.epoch + 1}/{self.epochs}, {many}"

    def _call(
        self, name: str, logs: Mapping[str, np.ndarray] | None = None, active: np.ndarray | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Run a hook for the members that train; what it returns trains next."""
        logs, active = dict(logs or {}), self.active if active is None else active
        if not self.calls.hooks(name):
            return logs, np.zeros(len(self.members), bool)
        states = self.driver.states()
        validates = self.validation is not None or self.folds is not None
        new, logs, stops = self.calls.call(
            name, states, active, logs, trainer=self.trainer, epoch=self.run.epoch, validates=validates,
            goals=self.goals,
        )  # fmt: skip
        if any(a is not b for a, b in zip(jax.tree.leaves(states), jax.tree.leaves(new), strict=True)):
            self.driver.put(new)
        return logs, stops

    # ------------------------------------------------------------------ validation
    def _validate(self, active: np.ndarray) -> dict[str, np.ndarray]:
        """The validation's numbers of each member, after an epoch in which it is due."""
        due = Validation(self.source, None, self.frequency).is_due(self.run.epoch)
        if not due or (self.validation is None and self.folds is None):
            return {}
        source: Arrays | Stream = self.source if self.validation is None else self.validation.source
        if self.folds is not None:
            source = dataclasses.replace(self.source, data=dataclasses.replace(self.source.data, batch_size=self.sizes))
        plain, count = self.given.replace(distribution=None), len(self.members)
        found: MemberLogs = []
        driver = self.driver
        tests = self.calls.hooks("on_test_begin") + self.calls.hooks("on_test_end")
        if (
            isinstance(driver, Together)
            and isinstance(source, Arrays)
            and not tests
            and evaluates_together(plain, self._one(), source)
        ):
            for members, states in zip(driver.groups, driver.parts, strict=True):
                rows, valid = self._validation_rows(source, members)
                found.append((members, evaluate_group(plain, states, source, rows, valid)))
        if not found:
            states, places = jax.device_get(driver.states()), np.flatnonzero(active).tolist()
            for i in places:
                state = jax.device_put(jax.tree.map(lambda a, i=i: a[i], states))
                found.append((i, evaluate_alone(self.trainer, state, self._own(source, i), self.calls.own[i])))
        names = log_names(plain, self._one(), source.example())
        return {f"val_{k}": v for k, v in numbers_of_members(found, count, names).items()}

    def _one(self) -> TrainState:
        """The shapes of one member's state."""
        first = self.driver.parts[0]
        if isinstance(self.driver, OneAfterAnother):
            return first
        found: TrainState = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), first)
        return found

    def _validation_rows(self, source: Arrays, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.folds is None:
            return all_rows(source.data.count, source.size)
        rows, valid = self.folds.validation()
        more = -rows.shape[1] % source.size
        rows, valid = (np.pad(a, ((0, 0), (0, more))) for a in (rows, valid))
        folds = [self.members[min(i, len(self.members) - 1)].fold or 0 for i in members]
        return rows[folds], valid[folds]

    def _own(self, source: Arrays | Stream, i: int) -> Arrays | Stream:
        """What a member is validated on by itself."""
        fold = self.members[i].fold
        if self.folds is None or fold is None or not isinstance(source, Arrays):
            return source
        rows, data = self.folds.held_out(fold), source.data
        return dataclasses.replace(source, data=_rows(data, rows))

    # ------------------------------------------------------------------ what is kept
    def save(self) -> None:
        """Save the runs."""
        assert self.backup is not None
        self._note_logs()
        self.run.state = self.driver.states()
        self.backup.save(self.trainer, self.run, self.calls, self.source)  # type: ignore[arg-type]

    def outcome(self) -> TrainState:
        """The states as `fit_many` returns them: those of the trainer as it was given."""
        states = self.driver.states()
        if log_sums(states) is not None:
            states = jax.vmap(without_logs)(states)
        return without_hyperparameters(states)


def _first_states(trainer: T, members: Sequence[Member], example: PyTree) -> tuple[T, TrainState]:
    """The trainer with hyperparameters in its states, and the stacked first states."""
    x = None if graph_of(trainer.model) is not None else example
    by_seed = {seed: trainer.init(seed, x) for seed in dict.fromkeys(m.seed for m in members)}
    tuned, states = trainer, []
    for member in members:
        tuned, state = with_hyperparameters(trainer, by_seed[member.seed], member.numbers)
        states.append(state)
    return tuned, stack(states)


def _with_sums(run: ManyRun) -> TrainState:
    """The states of a run that was saved, their running sums laid out as a step has them."""
    sums = dict(run.state.metrics.tree() if isinstance(run.state.metrics, RunningSums) else run.state.metrics)
    sums |= {"logs": run.log_sums} if run.log_sums else {}
    return run.state.replace(metrics=jax.vmap(RunningSums.of)(sums))


def _mesh_of(trainer: Learner) -> tuple[Mesh, str] | None:
    """The mesh whose devices members are spread over, and along which axis."""
    where = trainer.distribution
    if where is None:
        return None
    if not isinstance(where.layout, DataParallel):
        raise ValueError(
            explain(
                "fit_many spreads members over devices, each as a whole.",
                received=f"a layout of {type(where.layout).__name__}",
                usually="a trainer that was distributed for one large model.",
                write='trainer.distribute({"members": 4})',
            )
        )
    if where.offload:
        raise ValueError(
            explain(
                "fit_many keeps the states of all members on the devices.",
                received=f"offload={where.offload}",
                usually="a trainer that was distributed for one large model.",
                write='trainer.distribute({"members": 4})',
            )
        )
    axes = where.mesh.axis_names
    return where.mesh, "members" if "members" in axes else axes[0]


def _rows(data: ArrayData, rows: np.ndarray) -> ArrayData:
    x, y, sample_weight = jax.tree.map(lambda a: np.asarray(a)[rows], data.tree)
    return ArrayData(x, y, sample_weight, data.batch_size)


def _plain(value: np.ndarray) -> ArrayLike:
    return float(value) if np.ndim(value) == 0 else np.asarray(value)


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over members, which is what a bar shows."""
    return values.mean(0) if len(values) else np.asarray(np.nan)
