"""evaluate: loss and metrics over a whole set."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import LOSSES
from ...core.typing import Batch, PyTree, Variables
from .._batches._fixed_batch_sizes import check_whole
from .._batches._given_data import evaluation_source
from .._batches._of_processes import OfProcesses, of_processes
from .._batches._prefetch import DEPTH, copied_ahead
from .._batches._sources import Arrays, Stream, no_batches
from .._step._batch import as_given, pad, rows
from .._step._eval_step import evaluate_and_keep, evaluate_batch, has_own_eval_step
from .._step._forward import forward
from .._step._learner import Learner
from .._step._log_names import log_names
from .._step._logs import as_asked, check_return_dict, in_order
from .._step._measurement import logs_of, logs_without_outputs, objective_of, outputs_of
from .._step._outputs import Comparison
from .._step._own_loss import handed_out, room_for_logs
from .._step._placed import on_host, put_everywhere, put_rows, put_state, spans_processes
from .._step._programs import compiled, shapes_of, structure
from .._step._running_sums import RunningSums
from .._step._state import TrainState
from .._step._state_or_variables import state_to_evaluate
from .._step._step_loop import BOUNDS, Bounds, bounds_of, over_steps
from .._step._train_step import has_own_loss
from ..callbacks import CallbackList, Event
from ..distribution._processes import check_same_everywhere, several_processes
from ..losses import is_known
from ._device_memory import depth_for, worth_copying
from ._dispatch_size import DispatchSize
from ._own_evaluation import evaluate_by_own_step
from ._progress import Part, Progress
from ._run_arguments import check_counts, named, verbosity
from ._screen import screen_for
from ._step_inspection import steps_in_a_row
from ._unmeasured import warn_of_unmeasured
from ._whole_sets import BEGIN, floats, window


@named
def evaluate(
    trainer: Learner,
    state: TrainState | Variables,
    x: PyTree = None,
    y: PyTree = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: PyTree = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool | None = None,
) -> Any:
    """Loss and metrics over a whole set; the numbers do not depend on the batch size.

    Args:
        trainer: the trainer.
        state: whose weights to use; or variables.
        x, y: as for `fit`.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        verbose: 0 silent, 1 a bar, 2 a line; `"auto"` is a bar on a terminal and in a notebook, and silent elsewhere.
        sample_weight: a weight for each row.
        steps: how many batches to use; all by default.
        callbacks: their `on_test_*` hooks are called.
        return_dict: `True` for a plain dict, `False` for Keras's list, or the number where there is one.

    Returns:
        `fk.train.Logs`: `{"loss": …, "accuracy": …}` by name, and `loss, accuracy = …` in the order of `compile`.
    """
    state = state_to_evaluate(trainer, state, "evaluate", "state, x, y", (x, y))
    check_return_dict(return_dict)
    calls = CallbackList(callbacks)
    check_counts(steps=steps, batch_size=batch_size)
    source = evaluation_source(trainer, state.variables, x, y, sample_weight, batch_size, steps)
    if spans_processes(trainer):
        source = of_processes(trainer, source)
    elif several_processes():
        check_same_everywhere(source.first())
    verbose = verbosity(verbose)
    running = calls.run(trainer, epochs=1, steps=steps or source.steps, verbose=verbose)
    with screen_for(verbose) as screen, running:
        progress = Progress(screen, steps or source.steps)
        return as_asked(evaluate_source(trainer, state, source, steps, progress, calls), return_dict)


def evaluate_source(
    trainer: Learner, state: TrainState, source: Arrays | Stream, steps: int | None, progress: Progress | Part,
    calls: CallbackList,
) -> dict[str, float]:  # fmt: skip
    """`evaluate` over a source."""
    if isinstance(source, OfProcesses):
        source.expect(steps)
    example = source.example()
    event = calls.call("on_test_begin", Event(trainer=trainer, state=state))  # may put other weights in place
    # a step of evaluation takes nothing of the optimizer
    bare = put_state(trainer, event.state.replace(opt_state=(), metrics=()))
    sums, names = trainer.reset_metrics(state, example), log_names(trainer, state, example)
    if has_own_loss(trainer):
        sums = room_for_logs(trainer, sums, state, source.sample(), training=False)
    # arrays whose short last batch may be padded
    arrays = source if isinstance(source, Arrays) and _can_pad(trainer, state.variables, example) else None
    by_batch = calls.hooks("on_test_batch_begin") or calls.hooks("on_test_batch_end")
    predictions: list[Any] | None = [] if trainer.objective.has_on_host() else None
    if has_own_eval_step(trainer):
        logs = evaluate_by_own_step(trainer, event, sums, source, steps, progress, calls, names)
        calls.call("on_test_end", event.replace(logs=logs))
        return logs
    if arrays is None and isinstance(source, Arrays):
        check_whole(source.data.count, source.fixed, "a loss or metric that sees whole batches cannot have one padded")
    if arrays is not None and not by_batch and _evaluates_on_device(trainer, arrays):
        last = None
        sums, done = _pass_on_device(trainer, sums, bare, arrays, steps, progress)
    else:
        size = None if arrays is None else arrays.size
        sums, done, last = _pass_by_batch(
            trainer, sums, bare, source, steps, progress, calls, event, size, predictions, example
        )
    if not done:
        raise no_batches(0)
    if not _has_outputs(trainer, bare, last):
        warn_of_unmeasured(trainer, sums["metrics"])
    logs = floats(_numbers(trainer, sums, bare, example, last))
    if predictions:
        logs |= _on_host(trainer, predictions)
    logs = in_order(logs, names)
    calls.call("on_test_end", event.replace(logs=logs))
    progress.finish(done, logs)
    return logs


def _pass_by_batch(
    trainer: Learner, sums: RunningSums, state: TrainState, source: Arrays | Stream,
    steps: int | None, progress: Progress | Part, calls: CallbackList,
    event: Event, size: int | None, predictions: list[Any] | None, example: PyTree,
) -> tuple[RunningSums, int, Batch | None]:  # fmt: skip
    """One dispatch a batch; with a `size`, short batches are padded to it.

    `predictions` gets the targets and the predictions of each batch. The numbers so far are made where a callback has a
    hook for them.

    Returns:
        The sums, how many batches there were, and the last of them.
    """
    whole = None
    run, keep, done = compiled(trainer, evaluate_batch), compiled(trainer, evaluate_and_keep), 0
    every = None if size is None else jax.device_put(np.ones(size, bool))  # one array for all batches that are full
    watched = calls.hooks("on_test_batch_end")
    batches: Iterator[Batch] = itertools.islice(source.epoch(None, BEGIN), steps)
    if depth := depth_for(trainer, DEPTH):
        batches = copied_ahead(batches, functools.partial(put_rows, trainer), depth)
    for batch in batches:
        calls.call("on_test_batch_begin", event, batch=done)
        valid, whole = every, batch
        if size is not None and (count := rows(batch[0])) < size:
            valid, batch = jax.device_put(np.arange(size) < count), pad(batch, size)
        if predictions is None:
            sums = run(sums, state, batch, valid)
        else:
            sums, y_pred = keep(sums, state, batch, valid)
            count = rows(whole[0])
            predictions.append((*on_host(whole[1:]), jax.tree.map(lambda a, n=count: a[:n], on_host(y_pred))))
        logs = _numbers(trainer, sums, state, example, whole) if watched else {}
        calls.call("on_test_batch_end", event, batch=done, logs=logs)
        done += 1
        progress.step(done, {})
    return sums, done, whole


def _has_outputs(trainer: Learner, state: TrainState, last: Batch | None) -> bool:
    """Whether a batch was measured by the model's outputs, and not by what a loss of one's own says alone."""
    return last is None or not has_own_loss(trainer) or handed_out(trainer, state, last).outputs


def _numbers(
    trainer: Learner, sums: RunningSums, state: TrainState, example: PyTree, last: Batch | None
) -> Mapping[str, jax.Array]:
    """The numbers that the sums stand for after a batch."""
    if not _has_outputs(trainer, state, last):
        return compiled(trainer, logs_without_outputs)(sums)
    return compiled(trainer, logs_of)(sums, state, example)


def _on_host(trainer: Learner, predictions: list[Any]) -> dict[str, float]:
    """The metrics of whole sets, from the targets, weights and predictions of each batch."""
    y, sample_weight, y_pred = jax.tree.map(lambda *parts: np.concatenate([np.asarray(p) for p in parts]), *predictions)
    outputs = outputs_of(trainer, y_pred)
    whole = Comparison.of(y_pred, outputs.names, y, sample_weight, [None] * len(outputs.names))
    return objective_of(trainer, outputs).on_host(whole)


def _pass_on_device(
    trainer: Learner,
    sums: RunningSums,
    state: TrainState,
    source: Arrays,
    steps: int | None,
    progress: Progress | Part,
) -> tuple[RunningSums, int]:
    """Many batches a dispatch."""
    run, unrolled = _many(trainer), _in_a_row(trainer, sums, state, source)
    data, size = put_everywhere(trainer, source.data.tree), source.size
    total, done = min(source.steps, steps or source.steps), 0
    dispatch_size = DispatchSize(None, spans_processes(trainer))
    before = None
    while done < total:
        stop = min(done + dispatch_size.count, total)
        sums, made = run(sums, state, data, bounds_of(done, stop), size, unrolled), stop - done
        dispatch_size.wait(before, made)
        before, done = sums, stop
        progress.step(done, {})
    return sums, done


def _evaluates_on_device(trainer: Learner, source: Arrays) -> bool:
    """Whether batches that may be padded are evaluated many a dispatch."""
    plain = not trainer.objective.has_on_host() and not trainer.run_eagerly and source.size <= source.data.count
    return plain and worth_copying(source.data.tree, source.steps)


def _many(trainer: Learner) -> Any:
    return compiled(trainer, _evaluate_many, static=(4, 5))


def _in_a_row(trainer: Learner, sums: PyTree, state: TrainState, source: Arrays) -> int:
    """How many batches are evaluated without asking the host."""
    valid = jax.ShapeDtypeStruct((source.size,), bool)
    return steps_in_a_row(trainer, compiled(trainer, evaluate_batch), sums, state, source.data.spec(source.size), valid)


def _evaluate_many(
    trainer: Learner,
    sums: RunningSums,
    state: TrainState,
    data: PyTree,
    bounds: Bounds,
    size: int,
    unrolled: int,
) -> RunningSums:
    """Sums over the batches within the bounds; rows that the last has in common with the one before count once."""
    count = rows(data[0])

    def body(i: jax.Array, sums: RunningSums) -> RunningSums:
        # the last window ends with the data, so it may begin with rows that the one before has seen
        batch, first = window(data, i, size, count)
        return evaluate_batch(trainer, sums, state, batch, first + jnp.arange(size) >= i * size)

    return over_steps(body, bounds, sums, unrolled)


def lower_evaluate(trainer: Learner, state: TrainState, source: Arrays, stream: bool) -> Any:
    """The program of `evaluate` for arrays or batches of which only shapes are known; lowered."""
    bare = state.replace(opt_state=(), metrics=())
    data = source.data
    if has_own_eval_step(trainer):
        return trainer.eval_step.lower(state, as_given(data.spec(data.batch_size)))
    if has_own_loss(trainer):
        batch = data.spec(data.batch_size)
        sums = jax.eval_shape(lambda m: room_for_logs(trainer, m, bare, batch, training=False), state.metrics)
        state = state.replace(metrics=sums)
    padded = not stream and _can_pad(trainer, state.variables, data.spec(source.fixed or 1)[0])
    if padded and _evaluates_on_device(trainer, source):
        unrolled = _in_a_row(trainer, state.metrics, bare, source)
        return _many(trainer).lower(state.metrics, bare, source.data.tree, BOUNDS, data.batch_size, unrolled)
    valid = jax.ShapeDtypeStruct((data.batch_size,), bool) if padded else None
    run: Any = compiled(trainer, evaluate_and_keep if trainer.objective.has_on_host() else evaluate_batch)
    return run.lower(state.metrics, bare, data.spec(data.batch_size), valid)


def _can_pad(trainer: Learner, variables: Variables, example: PyTree) -> bool:
    """Whether rows may be added and dropped again: not where a loss sees the batch as a whole."""
    if has_own_loss(trainer) or not all(is_known(loss) for loss in trainer.objective.given_losses()):
        return False
    if not trainer.objective.takes_padding():
        return False
    return not structure(trainer, _adds_losses, shapes_of(example), variables, example)


def _adds_losses(trainer: Learner, variables: Variables, example: PyTree) -> bool:
    key = jax.eval_shape(lambda: jax.random.key(0))
    updates = jax.eval_shape(lambda v, x, k: forward(trainer.model, v, x, k, False)[1], variables, example, key)
    return bool(jax.tree.leaves(updates.get(LOSSES, {})))
