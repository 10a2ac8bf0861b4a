"""evaluate and predict for the members of `fit_many`."""

from __future__ import annotations

import jax
import numpy as np

from ...core import explain
from ...core.typing import PyTree
from .._batches._given_data import evaluation_source
from .._batches._sources import Arrays, Stream
from .._step._eval_step import has_own_eval_step
from .._step._learner import Learner
from .._step._log_names import log_names
from .._step._logs import Logs
from .._step._many import count_of, member
from .._step._many_eval import logs_of_members, predict_of_members, sums_of_members
from .._step._state import TrainState
from ..callbacks import CallbackList
from ._device_memory import fits_device, on_cpu
from ._evaluate import _can_pad, evaluate_source
from ._member_drivers import MemberLogs, numbers_of_members
from ._predict import predict
from ._progress import Progress
from ._run_arguments import check_counts, named
from ._screen import Screen
from ._step_inspection import holds_a_convolution


@named
def evaluate_many(
    trainer: Learner,
    states: TrainState,
    x: PyTree = None,
    y: PyTree = None,
    batch_size: int | None = None,
    sample_weight: PyTree = None,
) -> Logs:
    """Loss and metrics of each member over a whole set.

    Args:
        trainer: the trainer.
        states: what `fit_many` returned.
        x, y: as for `evaluate`.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        sample_weight: a weight for each row.

    Returns:
        `Logs` of arrays of shape (members,): `{"loss": …, "accuracy": …}`.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> states, histories = trainer.fit_many(x, y, seeds=range(4), verbose=0)
    >>> trainer.evaluate_many(states, x, y)["loss"].shape
    (4,)
    """
    count = count_of(states)
    check_counts(batch_size=batch_size)
    trainer, one = trainer.replace(distribution=None), member(states, 0)
    source = evaluation_source(trainer, one.variables, x, y, sample_weight, batch_size, None)
    logs: MemberLogs
    if not evaluates_together(trainer, one, source):
        parts = [member(states, i) for i in range(count)]
        logs = [(i, evaluate_alone(trainer, state, source, CallbackList())) for i, state in enumerate(parts)]
    else:
        rows, valid = all_rows(source.data.count, source.size)  # type: ignore[union-attr]
        logs = [(np.arange(count), evaluate_group(trainer, states, source, rows, valid))]  # type: ignore[arg-type]
    return Logs(numbers_of_members(logs, count, log_names(trainer, one, source.example())))


def evaluates_together(trainer: Learner, state: TrainState, source: Arrays | Stream) -> bool:
    """Whether members are evaluated in one program: over arrays whose short last batch may be padded.

    Not on a CPU where the model has a convolution, which is slow there over an axis of members.
    """
    if not isinstance(source, Arrays) or trainer.run_eagerly or trainer.objective.has_on_host():
        return False
    if has_own_eval_step(trainer) or not _can_pad(trainer, state.variables, source.example()):
        return False
    if not fits_device(source.data.tree):
        return False
    return not (on_cpu() and holds_a_convolution(trainer, state, source.data.spec(source.size)))


def evaluate_group(trainer: Learner, states: TrainState, source: Arrays, rows: np.ndarray, valid: np.ndarray) -> PyTree:
    """Numbers of members of a group by name, with an axis of members.

    Args:
        trainer: the trainer.
        states: their stacked states.
        source: the arrays.
        rows, valid: the rows of each, as `sums_of_members` takes them.
    """
    example = source.example()
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), states.variables)
    bare = states.replace(opt_state=(), metrics=())
    empty = trainer.reset_metrics(shapes, example)
    sums = sums_of_members(trainer)(empty, bare, source.data.tree, rows, valid, source.size)
    return logs_of_members(trainer)(sums, bare, example)


def evaluate_alone(trainer: Learner, state: TrainState, source: Arrays | Stream, calls: CallbackList) -> PyTree:
    """Numbers of one member by name, as `evaluate` makes them."""
    return evaluate_source(trainer, state, source, None, Progress(Screen(), None), calls)


def all_rows(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows of a set and which of them count, filled up to whole batches.

    >>> all_rows(3, 2)
    (array([0, 1, 2, 0], dtype=int32), array([ True,  True,  True, False]))
    """
    rows = np.arange(-(-count // size) * size, dtype=np.int32)
    return np.where(rows < count, rows, 0).astype(np.int32), rows < count


@named
def predict_many(trainer: Learner, states: TrainState, x: PyTree, batch_size: int | None = None) -> PyTree:
    """The outputs of each member for all of `x`, in inference mode, as numpy arrays.

    Args:
        trainer: the trainer.
        states: what `fit_many` returned.
        x: an array, or a pytree of arrays.
        batch_size: rows in a batch; what the model was described with, or 32, by default.

    Returns:
        The outputs in the model's structure, of shape (members, rows, …).

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> states, histories = trainer.fit_many(x, y, seeds=range(4), verbose=0)
    >>> trainer.predict_many(states, x).shape
    (4, 8, 1)
    """
    count = count_of(states)
    check_counts(batch_size=batch_size)
    trainer, one = trainer.replace(distribution=None), member(states, 0)
    source = evaluation_source(trainer, one.variables, x, None, None, batch_size, None)
    if not isinstance(source, Arrays):
        raise TypeError(
            explain(
                "predict_many takes arrays.",
                received=f"x of type {type(x).__name__}",
                usually="something that yields batches, which can be read once for one member alone.",
                write="[trainer.predict(fk.train.member(states, i), batches) for i in range(len(histories))]",
            )
        )
    slow = on_cpu() and holds_a_convolution(trainer, one, source.data.spec(source.size))
    if slow or trainer.run_eagerly:
        parts = [predict(trainer, member(states, i).variables, x, batch_size, 0) for i in range(count)]
        return jax.tree.map(lambda *a: np.stack(a), *parts)
    run, found = predict_of_members(trainer), []
    for place in range(source.steps):
        found.append(run(states.variables, source.data.batch(place)[0]))
    return jax.tree.map(lambda *a: np.concatenate(a, 1), *jax.device_get(found))
