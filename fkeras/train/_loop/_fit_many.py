"""fit_many: many models of one description, trained as one run."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType

import jax
import numpy as np

from ...core import explain
from ...core.typing import FilePath, PyTree
from .._batches._given_data import training_source, validation_source
from .._batches._sources import Arrays
from .._step._checked_state import check_optimizer
from .._step._forward import graph_of
from .._step._learner import Learner
from .._step._logged_norms import OF_THE_RUN
from .._step._state import TrainState
from .._step._trained import Trained
from ..callbacks import BackupAndRestore, Digests
from ..callbacks._base import CallbackSpec
from ..callbacks._callback_list import several
from ..callbacks._frequency import check_choice
from ._fit import backup_at
from ._folds import folds_of
from ._histories import Histories
from ._interrupt import Interruptible
from ._many_runs import ManyRuns
from ._members import Over, members_of
from ._run_arguments import check_counts, check_run, named, verbosity
from ._run_backup import Backup
from ._run_lengths import run_lengths
from ._screen import screen_for
from ._unfinished_run import Closing, Reachable, Unfinished, is_whole
from ._validation import Validation
from ._vmap_or_loop import check_how


@named
def fit_many(
    trainer: Learner,
    x: PyTree = None,
    y: PyTree = None,
    *,
    seeds: Iterable[int] = (0,),
    over: Over = None,
    grid: bool = True,
    folds: PyTree = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: CallbackSpec = None,
    validation_split: float = 0.0,
    validation_data: PyTree = None,
    shuffle: bool = True,
    shared_order: bool = False,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: PyTree = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Collection[int] = 1,
    checkpoint: FilePath | BackupAndRestore | None = None,
    on_interrupt: str = "return",
    vectorize: bool | str = "auto",
    members_at_once: int | None = None,
) -> tuple[TrainState, Histories]:
    """Train many models of one description: other seeds, other hyperparameters, other folds of the data.

    Each member is the run that `trainer.fit(trainer.init(seed), x, y, …)` would be, with its hyperparameters in the
    optimizer: to the bit where members run one after another, else to rounding. Members are for each seed each setting
    of `over`, and for each of those each fold.

    Args:
        trainer: the trainer.
        x, y: arrays or pytrees of arrays.
        seeds: the seeds that weights, randomness and the order of rows follow from.
        over: hyperparameters of the optimizer, `{"learning_rate": [1e-2, 1e-3], "weight_decay": [0.0, 1e-4]}`; or a
            list of settings, `[{"learning_rate": 1e-2}, …]`.
        grid: whether each value goes with each of the others; `False` takes the lists together, first with first.
        folds: cross validation. A number of equal parts, to which rows are drawn; each row's part, as integers; or
            which rows a fold trains on, booleans of shape (folds, rows). A member trains on its rows and is validated
            on the others. Epochs have as many rows as the smallest fold has to train on.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        epochs: how many epochs; with 0 the states are those that the members begin with.
        verbose: 0 silent, 1 one bar for all members, 2 a line an epoch; `"auto"` as in `fit`.
        callbacks: called for each member by itself, with its state, its numbers, `event.member` and a memory of its
            own: EarlyStopping, ReduceLROnPlateau, LearningRateScheduler, SwapEMAWeights, functions, and callbacks whose
            hooks take the event. One whose class says `sees_members = True` is called once for all: its `event.state`
            are the stacked states, `event.logs` arrays of shape (members,), and `event.replace(stop=…)` takes a boolean
            for each. A member that has stopped does not change by a bit.
        validation_split, validation_data, validation_batch_size, validation_freq: as in `fit`, the same for all.
        shuffle: whether each epoch visits the rows in a new order.
        shared_order: whether all members see the same batches, in the order of the first one's seed.
        class_weight, sample_weight: as in `fit`.
        checkpoint: a directory, or a `fk.callbacks.BackupAndRestore`: a run that was cut off goes on to the bit when
            it is called again with the same arguments.
        on_interrupt: what Ctrl-C does: `"return"` what there is, or `"raise"`.
        vectorize: `True` for one program in which all members make a step at once (`jax.vmap`), `False` for one member
            after the other; `"auto"` takes what is faster, which it measures where it is not known.
        members_at_once: how many members are in one program at most. Where all do not fit the device, they go in
            groups by themselves.

    Returns:
        `(states, histories)`: one `TrainState` with a leading axis of members on each leaf, which
        `fk.train.member(states, i)`, `trainer.evaluate_many`, `trainer.predict_many` and `fk.ensemble` take; and
        `Histories`, a table of the numbers by member and epoch.

    Raises:
        TypeError: data that are no arrays; a callback that was made for one model.
        ValueError: arrays that do not fit, hyperparameters that the optimizer does not have, or arguments that
            contradict each other.

    On several devices (`trainer.distribute({"members": 4})`) the members are spread over them, along the axis
    `"members"` or the first one, and each device has the data.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> states, histories = trainer.fit_many(x, y, seeds=range(2), over={"learning_rate": [0.1, 0.01]}, verbose=0)
    >>> states.params["dense"]["kernel"].shape, [member.columns for member in histories.members][1]
    ((4, 3, 1), {'seed': 0, 'learning_rate': 0.01})

    Keras has none of this.
    """
    check_run(
        batch_size=batch_size, validation_batch_size=validation_batch_size, validation_steps=None,
        validation_split=validation_split, validation_freq=validation_freq, initial_epoch=0, shuffle=shuffle,
        checkpoint=checkpoint, max_compiles=None, check_nans=False, donate=False,
        validates=validation_data is not None or folds is not None,
    )  # fmt: skip
    check_choice("fit_many", "on_interrupt", on_interrupt, ("return", "raise"))
    check_counts(members_at_once=members_at_once, epochs=epochs or None)
    check_how(vectorize)
    _check_log(trainer.log)
    verbose = verbosity(verbose, quiet=2)
    _check_folds(folds, validation_split, validation_data)
    epochs = int(run_lengths(epochs, 0, None, None, None)[1])
    first_seed, split = next(iter(members_of(seeds, over, grid, None))).seed, validation_split
    state = trainer.init(first_seed, None if graph_of(trainer.model) is not None else _example(x))
    check_optimizer(trainer, state)
    split = split if validation_data is None else 0.0
    source, held_out = training_source(trainer, state, x, y, sample_weight, class_weight, batch_size, split, None)
    if not isinstance(source, Arrays):
        raise TypeError(
            explain(
                "fit_many takes arrays, which lie on the device once for all members.",
                received=f"x of type {type(x).__name__}",
                usually="a generator or a data set, which yields each batch once.",
                write="x, y as arrays; or trainer.fit(trainer.init(seed), batches) for each seed",
            )
        )
    parts = folds_of(folds, source.data.count)
    members = members_of(seeds, over, grid, None if parts is None else parts.count)
    validation = validation_source(
        trainer, state.variables, validation_data, held_out, batch_size, validation_batch_size
    )
    asked = [c for c in several(callbacks) if isinstance(c, BackupAndRestore)]
    if checkpoint is not None:
        asked.append(checkpoint if isinstance(checkpoint, BackupAndRestore) else backup_at(checkpoint))
    if len(asked) > 1:
        raise ValueError(explain("A run is backed up at one place.", write='checkpoint="run/", and no other'))
    if any(isinstance(c, Digests) for c in several(callbacks)):
        write = 'model.compile(..., log=["digest"])   # one an epoch for each member'
        raise ValueError(explain("fit_many notes digests at the end of epochs.", received="Digests(...)", write=write))
    backup = Backup(asked[0]) if asked else None
    runs = ManyRuns.of(
        trainer, source, members, parts,
        callbacks=[c for c in several(callbacks) if not isinstance(c, BackupAndRestore)],
        validation=None if validation is None else Validation(validation, None, validation_freq),
        validation_size=validation_batch_size, frequency=validation_freq, backup=backup, epochs=epochs,
        shuffle=bool(shuffle), shared_order=shared_order, vectorize=vectorize, at_once=members_at_once,
        screen=screen_for(verbose),
    )  # fmt: skip
    with (
        runs.screen,
        ReachableMembers(runs),
        Interruptible(terminations=backup is not None) as interruption,
        Closing(runs.calls, backup),  # type: ignore[arg-type]
    ):
        try:
            runs.train(interruption)
        except KeyboardInterrupt:
            runs.histories.interrupted = True
            if backup is not None and runs.begun:
                runs.save()
            interruption.leave_if_terminated()
            if on_interrupt == "raise" or interruption.count > 1:
                raise
            _say_interrupted(runs)
    return Trained((runs.outcome(), runs.histories))


def _check_log(names: Collection[str]) -> None:
    """Refuse numbers of how fast a run is: members share programs, and are measured before they run."""
    asked = [name for name in names if name in OF_THE_RUN]
    if asked:
        raise ValueError(
            explain(
                f"fit_many has no {' and no '.join(asked)}: members make their steps in one program.",
                received=f"log={list(names)}",
                usually="the trainer was compiled for a run of one model.",
                write=f"trainer.replace(log={[name for name in names if name not in OF_THE_RUN]}).fit_many(...)",
            )
        )


class ReachableMembers(Reachable):
    """While active, an exception that leaves takes the states and histories with it, as of one run.

    Args:
        runs: the runs.
    """

    def __init__(self, runs: ManyRuns) -> None:
        super().__init__(runs.run, None, runs.backup)
        self.runs = runs

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and is_whole(self.runs.driver.parts):
            self.run.state = self.runs.driver.states()
        super().__exit__(kind, error, trace)

    def _note(self, found: Unfinished, whole: bool) -> str:
        text = "The training ended here"
        if whole:
            text += f": states, histories = error.fkeras_run (step {self.run.total} of each member that trained on)"
        if self.backup is not None and self.backup.saved is not None:
            text += f"; with the same call it goes on: {self.backup.asked.backup_dir!r} has step {self.backup.saved[1]}"
        return text


def _example(x: PyTree) -> PyTree:
    return jax.tree.map(lambda a: np.asarray(a)[:1], x)


def _check_folds(folds: PyTree, split: float, data: PyTree) -> None:
    if folds is not None and (split or data is not None):
        raise ValueError(
            explain(
                "With folds each member is validated on the rows that it does not train on.",
                received="folds, and " + ("validation_data" if data is not None else f"validation_split={split}"),
                write="trainer.fit_many(x, y, folds=5), and evaluate_many on data that no member saw",
            )
        )


def _say_interrupted(runs: ManyRuns) -> None:
    kept = f"; the run is saved in {runs.backup.asked.backup_dir!r}" if runs.backup is not None else ""
    print(
        f"\nInterrupted by Ctrl-C: fit_many returns the states after step {runs.run.total} (epoch "
        f"{runs.run.epoch + 1}, {runs.run.done} of its batches done) and the histories so far{kept}.",
        file=sys.stderr,
        flush=True,
    )
