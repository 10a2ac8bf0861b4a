"""fit: a thin loop around compiled steps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ...core import explain
from ...core.typing import PyTree
from .._batches._few_batches import few_batches
from .._batches._given_data import training_source, validation_source
from .._batches._of_processes import of_processes
from .._batches._positions import resume
from .._batches._prefetch import DEPTH
from .._batches._sources import Arrays
from .._step._checked_state import check_optimizer
from .._step._learner import Learner
from .._step._placed import as_data_lie, put_state, spans_processes
from .._step._private_copy import given_away, private
from .._step._state import TrainState, check_state
from .._step._trained import Trained
from ..callbacks import BackupAndRestore, CallbackList, Digests, History
from ..callbacks._callback_list import several
from ..callbacks._frequency import check_choice
from ..distribution._processes import check_same_everywhere, several_processes
from ._dry_run import dry_steps, without_files
from ._interrupt import Interruptible
from ._nan_check import NotFiniteError
from ._profile import Profiled, profiles_of
from ._run_arguments import check_depth, check_run, named, verbosity
from ._run_backup import Backup, Run
from ._run_digests import RunDigests
from ._run_lengths import run_lengths
from ._run_record import asked_for, since, warn_of_other_arguments
from ._screen import screen_for
from ._time_limit import Duration, TimeLimit, seconds_of
from ._training_loop import TrainingLoop
from ._unfinished_run import Closing, Reachable, say_interrupted, say_out_of_time
from ._validation import Validation, limited


@named
def fit(
    trainer: Learner,
    state: TrainState,
    x: PyTree = None,
    y: PyTree = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: PyTree = None,
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
    donate: bool = False,
    profile: Any = None,
    profile_dir: Any = None,
    prefetch: int = DEPTH,
    fast_dev_run: bool | int = False,
    overfit_batches: int | float | None = None,
    limit_val_batches: int | float | None = None,
    max_time: Duration | None = None,
) -> tuple[TrainState, History]:
    """Train for some epochs.

    Args:
        trainer: the trainer.
        state: where to start; it stays usable, `fit` trains a private copy, unless `donate` says otherwise.
        x, y: arrays or pytrees of arrays; or `x` alone, something that yields `(x, y)` or `(x, y, weight)` batches. As
            in Keras a tuple, a dict or a list of arrays is one set with several inputs; a list whose entries are all
            tuples, dicts or lists of arrays is a list of batches, of any length.
        batch_size: rows in a batch, of all processes together; what the model was described with, or 32, by default.
        epochs: the epoch to end at; 1 by default, and without end where `max_steps` is given.
        verbose: 0 silent, 1 a bar, 2 a line an epoch; `"auto"` is a bar on a terminal and in a notebook, and 2
            elsewhere.
        callbacks: callbacks, or functions `(trainer, state, logs) -> state`.
        validation_split: the last fraction of the arrays is held out; not where there is `validation_data`.
        validation_data: `(x, y)` or `(x, y, weight)`, a tuple or a list of arrays; or something that yields batches,
            such as a list of any number of them.
        shuffle: whether each epoch visits the rows of arrays, and the batches of a data set by index (Keras's
            `PyDataset`, whatever has `__len__` and `__getitem__`), in a new order, a function of the state's `rng` and
            `step`. Other batches come as they are: a list's, an iterator's, those of Grain, torch and tf.data, which
            shuffle by themselves.
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
        donate: whether the run may use the memory of the state that it is given, so that one state is in memory and
            not two. That state is then gone, and what takes it later says so; go on with the one that is returned.
        profile: the steps of the run to profile, the first and the last one, counted from 1: `(10, 15)`; or one step.
            The numbers of the run stay the same to the bit.
        profile_dir: the directory of the profile, which TensorBoard's profiler shows.
        prefetch: how many batches of a stream are copied to an accelerator ahead of their step, in a thread; 0 for
            none. They are drawn in the caller's thread and in their order, and no more than the run trains on.
        fast_dev_run: `True` for a dry run: one step of training, one batch of validation and every hook of the
            callbacks, but nothing is written to files; or so many steps.
        overfit_batches: train on the first few batches only, the same ones in each epoch and in their order: how many,
            or a fraction of them as a float. A model that cannot learn these by heart has a fault. The validation, if
            there is one, is limited alike.
        limit_val_batches: how many batches a validation has at most, or a fraction of them as a float; 0 for none.
        max_time: how long the run may take: seconds, `"hours:minutes:seconds"`, a `datetime.timedelta` or its
            arguments as a dict. The run ends after the step in which the time is up, within its epoch, as with
            `max_steps`; where it is saved (`checkpoint=`), the same call goes on from there.

    Returns:
        `(state, history)`. After Ctrl-C, the last whole state and the history so far; likewise, with a warning, where
        data that can be read once ran out before the run's end.

    Raises:
        ValueError: arrays that do not fit each other or the model, or arguments that contradict each other.
        RuntimeError: more than `max_compiles` compilations; or another profiler is active where a profile begins.
        KeyboardInterrupt: a second Ctrl-C, or the first one with `on_interrupt="raise"`.

    Any exception that ends the training, whoever raised it, has what was learnt: `state, history = error.fkeras_run`,
    the last whole state and the numbers of the epochs that ended. `trainer.fit(state, …, initial_epoch=…)` goes on.
    """
    check_state(state, "fit", "state, x, y", (x, y))
    check_choice("fit", "on_interrupt", on_interrupt, ("return", "raise"))
    check_optimizer(trainer, state)
    verbose = verbosity(verbose, quiet=2)
    check_run(
        batch_size=batch_size, validation_batch_size=validation_batch_size, validation_steps=validation_steps,
        validation_split=validation_split, validation_freq=validation_freq, initial_epoch=initial_epoch,
        shuffle=shuffle, checkpoint=checkpoint, max_compiles=max_compiles, check_nans=check_nans, donate=donate,
        validates=validation_data is not None,
    )  # fmt: skip
    check_depth(prefetch)
    seconds = None if max_time is None else seconds_of(max_time)
    dry = dry_steps(fast_dev_run)
    if dry:
        callbacks, checkpoint = without_files(callbacks, checkpoint, dry), None
        epochs, max_steps, validation_freq = initial_epoch + 1, dry, 1
    steps_per_epoch, ends = run_lengths(epochs, initial_epoch, steps_per_epoch, max_steps, validate_every)
    split = validation_split if validation_data is None else 0.0  # as in Keras, validation_data overrides the split
    source, held_out = training_source(
        trainer, state, x, y, sample_weight, class_weight, batch_size, split, steps_per_epoch
    )
    if overfit_batches is not None:
        source, shuffle = few_batches(source, overfit_batches), False
    variables = state.variables
    validation = validation_source(trainer, variables, validation_data, held_out, batch_size, validation_batch_size)
    validation, validation_steps = limited(
        validation, validation_steps, limit_val_batches=limit_val_batches, overfit_batches=overfit_batches,
        fast_dev_run=dry or None,
    )  # fmt: skip
    calls, backup, digests = _callbacks(callbacks, checkpoint)
    profiles = profiles_of(profile, profile_dir, calls.callbacks)
    together = spans_processes(trainer)
    if together:
        source = of_processes(trainer, source, training=True)
        validation = None if validation is None else of_processes(trainer, validation)
    elif several_processes():
        check_same_everywhere((source.first(), None if validation is None else validation.first()))
    if isinstance(source, Arrays):
        trainer = as_data_lie(trainer, source.data.tree)
    run = Run(state, initial_epoch, History(epochs=epochs or 1, steps=source.steps))
    resumed = backup is not None and backup.restore(trainer, run, calls)
    if not resumed:
        run.state = put_state(trainer, given_away(state) if donate else private(state))
    skip = resume(source, run.total, run.done, run.data) if resumed else 0
    if backup is not None:
        before, run.asked = run.asked, asked_for(source, validation, calls, {
            "shuffle": bool(shuffle), "class_weight": class_weight, "initial_epoch": initial_epoch,
            "steps_per_epoch": steps_per_epoch, "validation_split": split, "validation_steps": validation_steps,
            "validation_batch_size": validation_batch_size, "validation_freq": validation_freq,
            "check_nans": bool(check_nans), "overfit_batches": overfit_batches,
        })  # fmt: skip
        if resumed:
            warn_of_other_arguments(before, run.asked, str(backup.asked.backup_dir), level=3)
        run.asked["since"] = since(before, run.asked, run.total) if resumed else 0
    validate = None if validation is None else Validation(validation, validation_steps, validation_freq)
    loop = TrainingLoop.of(
        trainer, source, run, calls, backup=backup, validation=validate, screen=screen_for(verbose), ends=ends,
        shuffle=shuffle, max_steps=max_steps, max_compiles=max_compiles, initial_epoch=initial_epoch,
        check_nans=check_nans, prefetch=prefetch,
    )  # fmt: skip
    loop.digests = None if digests is None else RunDigests(digests)
    loop.limit = None if seconds is None else TimeLimit(seconds, together)
    if profiles:
        loop.driver = Profiled(loop.driver, profiles, run.total)
    with (
        loop.screen,
        Reachable(run, None if donate else state, backup),
        Interruptible(terminations=backup is not None, together=together) as interruption,
        Closing(calls, backup, profiles),
        calls.run(trainer, epochs=None if ends == float("inf") else int(ends), steps=source.steps, verbose=verbose),
    ):
        try:
            if resumed:
                calls.warn_of_attributes()
            loop.call("_on_run_resumed" if resumed else "on_train_begin")
            if backup is not None and not resumed and (backup.asked.keep_every or calls.leave_files()):
                backup.save(trainer, run, calls, source)
            resumed = True  # from here on it can be
            while loop.goes_on(ends):
                loop.epoch(interruption, skip)
                skip = 0
            loop.finish()
            if loop.out_of_time:
                say_out_of_time(run, backup, seconds or 0)
        except NotFiniteError as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=3)
        except KeyboardInterrupt:
            run.history.interrupted = True
            # several processes save one state, so all of them have to be here
            all_here = backup is None or not backup.together or (together and interruption.agreed)
            if backup is not None and resumed and not interruption.broken and all_here:
                backup.save(trainer, run, calls, source)
            interruption.leave_if_terminated()
            if on_interrupt == "raise" or interruption.count > 1:
                raise
            say_interrupted(run, backup)
    return Trained((run.outcome, run.history))


def _callbacks(given: Any, checkpoint: Any) -> tuple[CallbackList, Backup | None, Digests | None]:
    """The callbacks, the backup that one of them or `checkpoint` asks for, and the digests that one asks for."""
    listed = several(given)
    asked = [c for c in listed if isinstance(c, BackupAndRestore)]
    if checkpoint is not None:
        asked.append(checkpoint if isinstance(checkpoint, BackupAndRestore) else backup_at(checkpoint))
    if len(asked) > 1:
        raise ValueError(
            explain(
                "A run is backed up at one place.",
                received=", ".join(str(a.backup_dir) for a in asked),
                usually="BackupAndRestore was given among the callbacks, and checkpoint= too.",
                write="one of the two",
            )
        )
    digests = [c for c in listed if isinstance(c, Digests)]
    if len(digests) > 1:
        raise ValueError(
            explain(
                "A run's digests are noted in one rhythm.",
                received=", ".join(f"Digests(every={d.every})" for d in digests),
                write="the one that is the more frequent",
            )
        )
    calls = CallbackList([c for c in listed if not isinstance(c, BackupAndRestore | Digests)])
    return calls, Backup(asked[0]) if asked else None, digests[0] if digests else None


def backup_at(directory: Any) -> BackupAndRestore:
    """What `checkpoint="run/"` asks for: each epoch and each minute, kept when the run has ended."""
    return BackupAndRestore(directory, delete_checkpoint=False, save_seconds=60)
