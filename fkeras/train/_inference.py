"""evaluate and predict: loops around compiled passes over a set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core import LOSSES
from . import _data
from ._data import rows
from ._forward import forward
from ._objective import targets
from ._pace import Pace
from ._programs import cached, fits_device, on_cpu
from ._progress import Progress
from ._sources import Arrays, Position, no_batches, stream_source
from ._state import TrainState
from .callbacks import CallbackList, Event
from .losses import is_known

_BEGIN = Position(0, 0)
# Bytes of a batch that the CPU copies in the time of a dispatch (measured: 188 MB in 0.35 s, a dispatch in 0.1 ms).
_CHEAP = 2**16


def floats(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs as Python floats, the loss first."""
    arrays = jax.device_get(dict(logs))
    arrays = {**{k: arrays[k] for k in ("loss",) if k in arrays}, **arrays}  # jit sorts the keys
    return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in arrays.items()}


def evaluate(
    trainer: Any,
    state: TrainState,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = 0,
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
) -> dict[str, float]:
    """Loss and metrics over a whole set; the numbers do not depend on the batch size.

    Args:
        trainer: the trainer.
        state: whose weights to use.
        x, y: as for `fit`.
        batch_size: rows in a batch, 32 by default.
        verbose: 0 silent, 1 a bar, 2 a line.
        sample_weight: a weight for each row.
        steps: how many batches to use; all by default.
        callbacks: their `on_test_*` hooks are called.

    Returns:
        `{"loss": …, "accuracy": …}`, floats.
    """
    if _data.is_arrays(x):
        source: Any = Arrays(_data.array_data(x, y, sample_weight, batch_size))
    else:
        source = stream_source(x, steps)
    verbose = 1 if verbose == "auto" else int(verbose)
    return evaluate_source(trainer, state, source, steps, verbose, CallbackList(callbacks))


def evaluate_source(
    trainer: Any, state: TrainState, source: Any, steps: int | None, verbose: int, calls: CallbackList
) -> dict[str, float]:
    """`evaluate` over a source."""
    example = source.example()
    event = calls.call("on_test_begin", Event(trainer=trainer, state=state))  # may put other weights in place
    light = event.state.replace(opt_state=(), metrics=())
    sums = trainer.reset_metrics(state.variables, example)
    progress = Progress(steps or source.steps, verbose)
    padded = isinstance(source, Arrays) and _can_pad(trainer, state.variables, example)
    by_batch = calls.hooks("on_test_batch_begin") or calls.hooks("on_test_batch_end")
    kept: list[Any] | None = [] if trainer.objective.has_on_host() else None
    looped = padded and kept is None and not by_batch and not trainer.run_eagerly
    if looped and _worth_copying(_tree(source), source.steps):
        sums, done = _pass_on_device(trainer, sums, light, source, steps, progress)
    else:
        size = min(source.data.batch_size, source.data.count) if padded else None
        sums, done = _pass_by_batch(trainer, sums, light, source, steps, progress, calls, event, size, kept)
    if not done:
        raise no_batches(0)
    finish = cached(trainer, "logs", lambda: trainer.logs_of)
    logs = floats(finish(sums, light, example))
    if kept:
        logs |= _on_host(trainer, kept)
    calls.call("on_test_end", event.replace(logs=logs))
    progress.finish(done, logs)
    return logs


def _pass_by_batch(
    trainer: Any, sums: Any, light: Any, source: Any, steps: int | None, progress: Progress, calls: CallbackList,
    event: Event, size: int | None, kept: list[Any] | None,
) -> tuple[Any, int]:  # fmt: skip
    """One dispatch a batch; with a `size`, short batches are padded to it; `kept` gets targets and predictions."""
    run, done = cached(trainer, "evaluate", lambda: trainer._evaluate_batch), 0
    keep = cached(trainer, "evaluate and keep", lambda: _evaluate_and_keep(trainer))
    for batch in itertools.islice(source.epoch(None, _BEGIN), steps):
        calls.call("on_test_batch_begin", event.replace(batch=done))
        valid, whole = None, batch
        if size is not None:
            valid = np.arange(size) < rows(batch[0])
            batch = _data.pad(batch, size)
        if kept is None:
            sums = run(sums, light, batch, valid)
        else:
            sums, y_pred = keep(sums, light, batch, valid)
            count = rows(whole[0])
            kept.append((*whole[1:], jax.tree.map(lambda a, n=count: np.asarray(a)[:n], y_pred)))
        calls.call("on_test_batch_end", event.replace(batch=done))
        done += 1
        progress.step(done, {})
    return sums, done


def _evaluate_and_keep(trainer: Any) -> Callable[..., Any]:
    """`_evaluate_batch`, and the predictions; in one program, the forward pass is made once."""

    def function(sums: Any, light: Any, batch: Any, valid: Any) -> Any:
        y_pred, _ = trainer.forward(light.params, light, batch[0], light.rng, False)
        return trainer._evaluate_batch(sums, light, batch, valid), y_pred

    return function


def _on_host(trainer: Any, kept: list[Any]) -> dict[str, float]:
    """The metrics of whole sets, from the targets, weights and predictions of each batch."""
    y, sample_weight, y_pred = jax.tree.map(lambda *parts: np.concatenate([np.asarray(p) for p in parts]), *kept)
    names = trainer.output_names(y_pred)
    y_true, weights = targets(y, y_pred, names), targets(sample_weight, y_pred, names, "sample_weight")
    return trainer.objective.on_host(names, y_true, jax.tree.leaves(y_pred), weights)


def _pass_on_device(
    trainer: Any, sums: Any, light: Any, source: Arrays, steps: int | None, progress: Progress
) -> tuple[Any, int]:
    """Many batches a dispatch; rows that the last one has in common with the one before count once."""

    def make() -> Callable[..., Any]:
        def many(sums: Any, light: Any, data: Any, start: Any, stop: Any, size: int) -> Any:
            count = rows(data[0])

            def body(i: Any, sums: Any) -> Any:
                # the last window ends with the data, so it may begin with rows that the one before has seen
                batch, first = _window(data, i, size, count)
                return trainer._evaluate_batch(sums, light, batch, first + jnp.arange(size) >= i * size)

            return lax.fori_loop(start, stop, body, sums)

        return many

    run = cached(trainer, "evaluate many", make, static_argnums=5)
    data, size = jax.device_put(_tree(source)), min(source.data.batch_size, source.data.count)
    total, done, pace = min(source.steps, steps or source.steps), 0, Pace(None)
    before = None
    while done < total:
        stop = min(done + pace.count, total)
        sums, made = run(sums, light, data, np.int32(done), np.int32(stop), size), stop - done
        pace.wait(before, made)
        before, done = sums, stop
        progress.step(done, {})
    return sums, done


def _window(data: Any, i: Any, size: int, count: int) -> tuple[Any, Any]:
    """`(rows, the first one's place)` of a batch; the last one ends with the data."""
    first = jnp.minimum(i * size, count - size)
    return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, first, size), data), first


def _worth_copying(tree: Any, steps: int) -> bool:
    """Whether one pass is faster over a copy on the device: where the copy costs less than a dispatch a batch."""
    if not fits_device(tree):
        return False
    return not on_cpu() or sum(leaf.nbytes for leaf in jax.tree.leaves(tree)) <= steps * _CHEAP


def _tree(source: Arrays) -> Any:
    return source.data.x, source.data.y, source.data.sample_weight


def _can_pad(trainer: Any, variables: Any, example: Any) -> bool:
    """Whether rows may be added and dropped again: not where a loss sees the batch as a whole."""
    if trainer._custom_loss() or not all(is_known(loss) for loss in trainer.objective.given_losses()):
        return False
    key = jax.eval_shape(lambda: jax.random.key(0))

    def losses_added() -> bool:
        updates = jax.eval_shape(lambda v, x, k: forward(trainer.model, v, x, k, False)[1], variables, example, key)
        return bool(jax.tree.leaves(updates.get(LOSSES, {})))

    name = f"adds losses {jax.tree.map(lambda a: (a.shape[1:], str(a.dtype)), example)}"
    if name not in trainer._programs:
        trainer._programs[name] = losses_added()
    return not trainer._programs[name]


# ------------------------------------------------------------------ predict
def predict(
    trainer: Any,
    variables: Any,
    x: Any,
    batch_size: int | None = None,
    verbose: Any = 0,
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """The model's outputs for all of `x`, in inference mode.

    Args:
        trainer: a trainer, or something with its `predict_step`.
        variables: the model's variables.
        x: an array, a pytree of arrays, or something that yields batches.
        batch_size: rows in a batch, 32 by default.
        verbose: 0 silent, 1 a bar, 2 a line.
        steps: how many batches to use; all by default.
        callbacks: their `on_predict_*` hooks are called.

    Returns:
        The outputs in the model's structure, numpy arrays with one row for each of `x`.
    """
    arrays = _data.is_arrays(x)
    source: Any = Arrays(_data.array_data(x, None, None, batch_size)) if arrays else stream_source(x, steps)
    if arrays and not callbacks and not verbose and not trainer.run_eagerly:
        if source.steps == 1:
            return jax.tree.map(np.asarray, trainer.predict_step(variables, source.data.x))
        if steps is None and _worth_copying(source.data.x, source.steps):
            found = _predict_on_device(trainer, variables, source)
            if found is not None:
                return found
    size = min(source.data.batch_size, source.data.count) if arrays else None
    calls, progress, results = CallbackList(callbacks), Progress(steps or source.steps, int(verbose != 0)), []
    event = Event(trainer=trainer, state=None)  # type: ignore[arg-type]
    calls.call("on_predict_begin", event)
    for done, (inputs, _, _) in enumerate(itertools.islice(source.epoch(None, _BEGIN), steps)):
        calls.call("on_predict_batch_begin", event.replace(batch=done))
        count = rows(inputs)
        outputs = trainer.predict_step(variables, _data.pad(inputs, size) if size is not None else inputs)
        results.append((outputs, count))
        calls.call("on_predict_batch_end", event.replace(batch=done))
        progress.step(done + 1, {})
    if not results:
        raise no_batches(0)
    calls.call("on_predict_end", event)
    progress.finish(len(results), {})
    parts = [jax.tree.map(lambda a, n=count: np.asarray(a)[:n], outputs) for outputs, count in results]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _predict_on_device(trainer: Any, variables: Any, source: Arrays) -> Any:
    """Many batches a dispatch into one array; `None` where an output has not one row for each of the input."""
    size, count = source.data.batch_size, source.data.count
    one = jax.eval_shape(trainer.predict_step, variables, source.data.spec(size)[0])
    if any(a.shape[:1] != (size,) for a in jax.tree.leaves(one)):
        return None
    room = jax.tree.map(lambda a: jax.ShapeDtypeStruct((count, *a.shape[1:]), a.dtype), one)
    if sum(np.prod(a.shape) * a.dtype.itemsize for a in jax.tree.leaves(room)) > 2**28:
        return None

    def make() -> Callable[..., Any]:
        def many(out: Any, variables: Any, x: Any, start: Any, stop: Any, size: int) -> Any:
            def body(i: Any, out: Any) -> Any:
                batch, first = _window(x, i, size, rows(x))
                found = trainer.predict_step(variables, batch)
                return jax.tree.map(lambda o, f: lax.dynamic_update_slice_in_dim(o, f, first, 0), out, found)

            return lax.fori_loop(start, stop, body, out)

        return many

    run = cached(trainer, "predict many", make, static_argnums=5, donate_argnums=0)
    x, out, pace, done = (
        jax.device_put(source.data.x),
        jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), room),
        Pace(None),
        0,
    )
    while done < source.steps:
        stop = min(done + pace.count, source.steps)
        out = run(out, variables, x, np.int32(done), np.int32(stop), size)
        pace.wait(out if done else None, stop - done)
        done = stop
    return jax.tree.map(np.asarray, out)
