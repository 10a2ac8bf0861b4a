"""predict: a model's outputs for a whole set."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax import lax

from ...core import check_collections, explain
from ...core.typing import Batch, PyTree, Variables, VariablesLike
from .._batches._as_arrays import PLAIN, check_integers
from .._batches._fixed_batch_sizes import fixed_batch_size
from .._batches._given_data import evaluation_source
from .._batches._of_processes import OfProcesses, of_processes
from .._batches._prefetch import DEPTH, copied_ahead
from .._batches._sources import Arrays, Stream, no_batches
from .._step._batch import pad, rows
from .._step._checked_state import check_variables
from .._step._learner import Learner
from .._step._placed import on_host, put_rows, spans_processes
from .._step._private_copy import check_memory
from .._step._programs import compiled
from .._step._step_loop import BOUNDS, Bounds, bounds_of, over_steps
from ..callbacks import CallbackList, Event
from ..distribution._processes import several_processes
from ._device_memory import depth_for, nbytes, worth_copying
from ._dispatch_size import DispatchSize
from ._progress import Progress
from ._run_arguments import check_counts, verbosity
from ._screen import screen_for
from ._whole_sets import BEGIN, window


def predict(
    trainer: Learner,
    variables: VariablesLike,
    x: PyTree,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> PyTree:
    """The model's outputs for all of `x`, in inference mode.

    Args:
        trainer: a trainer, or something with its `predict_step`.
        variables: the model's variables.
        x: an array, a pytree of arrays, or something that yields batches.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        verbose: 0 silent, 1 a bar, 2 a line; `"auto"` is a bar on a terminal and in a notebook where there are several
            batches, and silent elsewhere.
        steps: how many batches to use; all by default.
        callbacks: their `on_predict_*` hooks are called.

    Returns:
        The outputs in the model's structure, numpy arrays with one row for each of `x`.
    """
    if type(variables) is not dict:
        variables = check_collections("`predict`", variables, rest=(x,), call="model.predict(variables, x)")
    try:
        return _outputs(trainer, variables, x, batch_size, verbose, steps, callbacks)
    except (TypeError, AttributeError):  # of JAX, on what is no weight
        check_variables(trainer.model, variables)
        raise
    except RuntimeError:
        check_memory(variables, "predict")
        raise


def _outputs(
    trainer: Learner,
    variables: Variables,
    x: PyTree,
    batch_size: int | None,
    verbose: Any,
    steps: int | None,
    callbacks: Any,
) -> PyTree:
    """`predict`, on variables that may not be the model's."""
    fixed = fixed_batch_size(trainer.model, variables)
    quick = steps is None and callbacks is None and verbose in ("auto", 0)
    if not fixed and quick and _is_one_batch(x, batch_size) and not several_processes():
        check_integers(x, "x")
        found = trainer.predict_step(variables, x)
        try:
            if type(x) is np.ndarray and isinstance(found, jax.Array):
                return np.asarray(found)  # in half the time of what follows
            return jax.tree.map(np.asarray, jax.device_get(found))
        except jax.errors.TracerArrayConversionError:
            raise _traced() from None
    check_counts(steps=steps, batch_size=batch_size)
    calls, shown = CallbackList(callbacks), verbosity(verbose)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(variables)):
        raise _traced()
    source: Any = evaluation_source(trainer, variables, x, None, None, batch_size, steps)
    source = of_processes(trainer, source, steps)
    count = steps or source.steps
    shown = 0 if verbose == "auto" and count == 1 else shown
    with screen_for(shown) as screen, calls.run(trainer, variables, epochs=1, steps=count, verbose=shown):
        return _of_source(trainer, variables, source, steps, calls, Progress(screen, count))


def _of_source(
    trainer: Learner,
    variables: Variables,
    source: Arrays | Stream,
    steps: int | None,
    calls: CallbackList,
    progress: Progress,
) -> PyTree:
    """`predict` over a source."""
    if isinstance(source, Arrays) and not calls.callbacks and not trainer.run_eagerly:
        if source.steps == 1 and source.size <= source.data.count:
            found = on_host(trainer.predict_step(variables, source.data.x))
            progress.finish(1, {})
            return found
        if steps is None and worth_copying(source.data.x, source.steps) and source.size <= source.data.count:
            found = _predict_on_device(trainer, variables, source, progress)
            if found is not None:
                progress.finish(source.steps, {})
                return found
    size = source.size if isinstance(source, Arrays) else 0  # a stream's batches stay as they are
    results: list[PyTree] = []
    own = source if isinstance(source, OfProcesses) and source.own else None
    event = Event(trainer=trainer, state=None)  # type: ignore[arg-type]
    calls.call("on_predict_begin", event)
    batches: Iterator[Batch] = itertools.islice(source.epoch(None, BEGIN), steps)
    if depth := depth_for(trainer, DEPTH):
        batches = copied_ahead(batches, functools.partial(put_rows, trainer), depth)
    for done, (inputs, _, _) in enumerate(batches):
        calls.call("on_predict_batch_begin", event, batch=done)
        count = rows(inputs)
        padded = count < size
        found = trainer.predict_step(variables, pad(inputs, size) if padded else inputs)
        if own is not None:
            results.append(own.own_rows(found))
        else:  # the last batch, and no other, may be padded
            results.append(jax.tree.map(lambda a, n=count: a[:n], found) if padded else found)
        calls.call("on_predict_batch_end", event, batch=done, logs={"outputs": results[-1]})
        progress.step(done + 1, {})
    if not results:
        raise no_batches(0)
    calls.call("on_predict_end", event)
    progress.finish(len(results), {})
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *on_host(results))


def _traced() -> TypeError:
    return TypeError(
        explain(
            "`predict` was called on arrays that are being traced, and it is a loop of Python over real arrays.",
            received="a tracer among the variables or the data",
            usually="a call inside jax.jit, grad, vmap or scan.",
            write="model.apply(variables, x), or trainer.predict_step(variables, x): pure functions",
        )
    )


def _is_one_batch(x: PyTree, batch_size: Any) -> bool:
    """Whether `x` is one array of numbers that fits a batch: nothing is to be cut, padded or converted.

    A prediction of one sample takes some 10 µs, and the general way around it as long again.
    """
    size = 32 if batch_size is None else batch_size
    plain = type(x) is np.ndarray or isinstance(x, jax.Array)
    return plain and type(size) is int and x.dtype in PLAIN and x.ndim > 0 and 0 < x.shape[0] <= size


def _predict_on_device(trainer: Learner, variables: Variables, source: Arrays, progress: Progress) -> PyTree:
    """Many batches a dispatch into one array; `None` where that cannot be."""
    room = _room(trainer, variables, source)
    if room is None:
        return None
    run, x = _many(trainer), jax.device_put(source.data.x)
    out = jax.device_put(jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), room))
    dispatch_size, done = DispatchSize(None, spans_processes(trainer)), 0
    while done < source.steps:
        stop = min(done + dispatch_size.count, source.steps)
        out = run(out, variables, x, bounds_of(done, stop), source.data.batch_size)
        dispatch_size.wait(out if done else None, stop - done)
        done = stop
        progress.step(done, {})
    return on_host(out)


def _room(trainer: Learner, variables: Variables, source: Arrays) -> PyTree:
    """The outputs of all rows; `None` where they are large, or are not one row for each of the input."""
    size, count = source.data.batch_size, source.data.count
    one = jax.eval_shape(trainer.predict_step, variables, source.data.spec(size)[0])
    if any(a.shape[:1] != (size,) for a in jax.tree.leaves(one)):
        return None
    room = jax.tree.map(lambda a: jax.ShapeDtypeStruct((count, *a.shape[1:]), a.dtype), one)
    return room if nbytes(room) <= 2**28 else None


def _many(trainer: Learner) -> Any:
    return compiled(trainer, _predict_many, static=(4,), donate=(0,))


def _predict_many(trainer: Learner, out: PyTree, variables: Variables, x: PyTree, bounds: Bounds, size: int) -> PyTree:
    """The outputs of the batches within the bounds, written into an array of all."""

    def body(i: jax.Array, out: PyTree) -> Any:
        batch, first = window(x, i, size, rows(x))
        found = trainer.predict_step(variables, batch)
        return jax.tree.map(lambda o, f: lax.dynamic_update_slice_in_dim(o, f, first, 0), out, found)

    return over_steps(body, bounds, out)


def lower_predict(trainer: Learner, variables: Variables, source: Arrays, stream: bool) -> Any:
    """The program of `predict` for arrays or batches of which only shapes are known; lowered."""
    data = source.data
    if not stream and source.steps > 1 and worth_copying(data.x, source.steps):
        room = _room(trainer, variables, source)
        if room is not None:
            return _many(trainer).lower(room, variables, data.x, BOUNDS, data.batch_size)
    return trainer.predict_step.lower(variables, data.spec(data.batch_size)[0])
