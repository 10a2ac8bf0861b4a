"""fit, evaluate and predict: thin loops around compiled steps."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import LOSSES, explain
from . import _data
from ._data import ArrayData, Batch, rows
from ._forward import forward
from ._interrupt import Interruptible
from ._progress import Progress
from ._state import TrainState
from .callbacks import CallbackList, Event, History
from .losses import Loss, is_known


# ------------------------------------------------------------------ fit
def fit(
    trainer: Any,
    state: TrainState,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
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
) -> tuple[TrainState, History]:
    """Train for some epochs.

    Args:
        trainer: the trainer.
        state: where to start; it stays usable, `fit` trains a private copy.
        x, y: arrays or pytrees of arrays; or `x` alone, something that yields `(x, y)` or `(x, y, weight)` batches.
        batch_size: rows in a batch, 32 by default.
        epochs: the epoch to end at.
        verbose: 0 silent, 1 a bar, 2 a line an epoch; `"auto"` is 1.
        callbacks: callbacks, or functions `(trainer, state, logs) -> state`.
        validation_split: the last fraction of the arrays is held out.
        validation_data: `(x, y)`, `(x, y, weight)` or something that yields batches.
        shuffle: whether each epoch visits the rows in a new order, a function of the state's `rng` and `step`.
        class_weight: a weight for each class.
        sample_weight: a weight for each row; or a dict by output.
        initial_epoch: the epoch to start at.
        steps_per_epoch: how many batches are an epoch.
        validation_steps, validation_batch_size, validation_freq: the same for the validation.

    Returns:
        `(state, history)`. Ctrl-C ends the run early and returns the last whole state and the history so far.

    Raises:
        ValueError: arrays that do not fit each other or the model.
    """
    verbose = 1 if verbose == "auto" else int(verbose)
    source, held_out = _training_source(
        x, y, sample_weight, class_weight, batch_size, validation_split, steps_per_epoch
    )
    validation = _validation_source(validation_data, held_out, validation_batch_size or batch_size)
    calls = CallbackList(callbacks)
    history = History(epochs=epochs, steps=source.steps)
    example = source.example()
    watched = bool(calls.callbacks)
    by_batch = bool(calls.hooks("on_train_batch_begin") or calls.hooks("on_train_batch_end"))
    step = _program(trainer, "train_step", donate=not by_batch)
    state = _private(state)
    seed = np.asarray(jax.random.key_data(state.rng))
    event = Event(trainer=trainer, state=state)

    def call(name: str, state: TrainState, **parts: Any) -> tuple[TrainState, Event]:
        found = calls.call(name, event.replace(state=state, **parts))
        # What a callback saw it may keep, so the run goes on with a copy of its own.
        return (_private(found.state) if watched and not by_batch else found.state), found

    with Interruptible() as interruption:
        try:
            state, _ = call("on_train_begin", state)
            for epoch in range(initial_epoch, epochs):
                if verbose:
                    print(f"Epoch {epoch + 1}/{epochs}", flush=True)
                state, _ = call("on_epoch_begin", state, epoch=epoch)
                state = state.replace(metrics=trainer.reset_metrics(state.variables, example))
                progress, done, stopped = Progress(source.steps, verbose), 0, False
                logs: dict[str, Any] = {}
                where = _Position(epoch - initial_epoch, int(state.step) if isinstance(source, _Arrays) else 0)
                for batch in source.epoch(seed if shuffle else None, where):
                    interruption.check()
                    if by_batch:
                        state, _ = call("on_train_batch_begin", state, epoch=epoch, batch=done)
                    previous = logs
                    state, logs = step(state, batch)
                    done += 1
                    if by_batch:
                        state, found = call("on_train_batch_end", state, epoch=epoch, batch=done - 1, logs=logs)
                        stopped = found.stop
                        if stopped:
                            break
                    progress.step(done, previous or logs)
                interruption.check()
                if not done:
                    raise _no_batches(epoch)
                numbers = _floats(logs)
                if validation is not None and _is_due(epoch, validation_freq, initial_epoch):
                    results = _evaluate(trainer, state, validation, validation_steps, 0, calls)
                    numbers.update({f"val_{k}": v for k, v in results.items()})
                state, found = call("on_epoch_end", state, epoch=epoch, logs=numbers)
                numbers = dict(found.logs)
                history.add(epoch, numbers)
                progress.finish(done, numbers)
                if stopped or found.stop:
                    break
            state, _ = call("on_train_end", state)
            state = trainer.finalize(state, example)
        except KeyboardInterrupt:
            history.interrupted = True
    return state, history


def _program(trainer: Any, name: str, donate: bool) -> Callable[..., Any]:
    """A step of the trainer, compiled so that it may reuse its state's memory."""
    method = getattr(type(trainer), name)
    if trainer.run_eagerly or not donate:
        return functools.partial(method, trainer)
    key = f"{name} donated"
    if key not in trainer._programs:
        trainer._programs[key] = jax.jit(functools.partial(method.plain, trainer), donate_argnums=0)
    return trainer._programs[key]


def _private(state: Any) -> Any:
    """A copy that nobody else holds, each leaf a buffer of its own."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True) if _is_plain(leaf) else leaf.copy(), state)


def _is_plain(leaf: Any) -> bool:
    return not jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)


def _floats(logs: Mapping[str, Any]) -> dict[str, Any]:
    arrays = jax.device_get(dict(logs))
    arrays = {**{k: arrays[k] for k in ("loss",) if k in arrays}, **arrays}  # jit sorts the keys
    return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in arrays.items()}


def _is_due(epoch: int, frequency: Any, first: int) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def _no_batches(epoch: int) -> ValueError:
    return ValueError(
        explain(
            f"The data yielded no batch in epoch {epoch + 1}.",
            usually="a generator can be read once; a second epoch finds it empty.",
            write="a list, an object with __len__ and __getitem__, or steps_per_epoch with an endless generator",
        )
    )


# ------------------------------------------------------------------ sources of batches
@dataclasses.dataclass(frozen=True)
class _Position:
    """Where in a run an epoch begins.

    Attributes:
        epoch: how many epochs of this run came before.
        step: the state's step.
    """

    epoch: int
    step: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Arrays:
    """Arrays in memory as a source."""

    data: ArrayData
    limit: int | None = None

    @property
    def steps(self) -> int:
        return self.data.steps if self.limit is None else self.limit

    def example(self) -> Any:
        return jax.tree.map(lambda a: a[:1], self.data.x)

    def epoch(self, seed: np.ndarray | None, where: _Position) -> Iterator[Batch]:
        """One pass; with a limit, the passes are one endless row of batches that epochs cut up, as in Keras."""
        if self.limit is None:
            return self._pass(seed, where.step)
        seen = where.epoch * self.limit
        first = where.step - seen  # the step at which the run's first pass began
        passes = (self._pass(seed, first + n * self.data.steps) for n in itertools.count(seen // self.data.steps))
        endless = itertools.chain.from_iterable(passes)
        return itertools.islice(endless, seen % self.data.steps, seen % self.data.steps + self.limit)

    def _pass(self, seed: np.ndarray | None, begins_at: int) -> Iterator[Batch]:
        return self.data.batches(None if seed is None else _data.order_of(seed, begins_at, self.data.count))


@dataclasses.dataclass(eq=False)
class _Stream:
    """Something that yields batches as a source."""

    passes: Callable[[], Iterator[Batch]]
    length: int | None
    limit: int | None
    _running: Iterator[Batch] | None = None
    _first: Batch | None = None

    @property
    def steps(self) -> int | None:
        return self.limit if self.limit is not None else self.length

    def example(self) -> Any:
        self._running = self.passes()
        self._first = next(self._running, None)
        if self._first is None:
            raise _no_batches(0)
        return jax.tree.map(lambda a: np.asarray(a)[:1], self._first[0])

    def epoch(self, seed: np.ndarray | None, where: _Position) -> Iterator[Batch]:
        """One pass; with a limit, the passes are one endless row of batches that epochs cut up."""
        running = self._running if self._running is not None else self.passes()
        if self._first is not None:
            running, self._first = itertools.chain([self._first], running), None
        if self.limit is None:
            self._running = None
        else:
            self._running = running = _endless(running, self.passes)
        return map(_to_arrays, itertools.islice(running, self.limit))


def _endless(running: Iterator[Batch], passes: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
    if isinstance(running, _Endless):
        return running
    return _Endless(running, passes)


class _Endless(Iterator[Batch]):
    """Passes over a source, one after another; it ends when a pass is empty."""

    def __init__(self, running: Iterator[Batch], passes: Callable[[], Iterator[Batch]]) -> None:
        self.running, self.passes = running, passes

    def __next__(self) -> Batch:
        for batch in self.running:
            return batch
        self.running = self.passes()
        return next(self.running)


def _to_arrays(batch: Batch) -> Batch:
    return tuple(_data.as_arrays(part) for part in batch)  # type: ignore[return-value]


def _training_source(
    x: Any, y: Any, sample_weight: Any, class_weight: Any, batch_size: Any, validation_split: float, steps: int | None
) -> tuple[Any, ArrayData | None]:
    """The source to train on, and what `validation_split` holds out of it."""
    if not _data.is_arrays(x):
        if y is not None or validation_split:
            raise ValueError(
                explain(
                    "y and validation_split go with arrays; a source of batches yields its own targets.",
                    received=f"x of type {type(x).__name__}",
                    usually="a generator was passed together with y.",
                    write="batches (x, y), and validation_data=...",
                )
            )
        return _stream_source(x, steps, class_weight), None
    data = _data.array_data(x, y, sample_weight, batch_size)
    held_out = None
    if validation_split:
        if not 0 < validation_split < 1:
            raise ValueError(
                explain(
                    "validation_split must lie between 0 and 1.",
                    received=validation_split,
                    write="validation_split=0.2",
                )
            )
        cut = int(np.floor(data.count * (1 - validation_split)))
        if cut in (0, data.count):
            raise ValueError(explain("validation_split leaves one side empty.", received=f"{data.count} examples"))
        data, held_out = data.slice(0, cut), data.slice(cut, data.count)
    if class_weight is not None:
        data = dataclasses.replace(data, sample_weight=_data.class_weights(data.y, class_weight, data.sample_weight))
    return _Arrays(data, steps), held_out


def _stream_source(x: Any, steps: int | None, class_weight: Any = None) -> _Stream:
    passes = _data.stream(x)
    if class_weight is not None:
        plain = passes

        def passes() -> Iterator[Batch]:  # type: ignore[misc]
            return ((a, b, _data.class_weights(np.asarray(b), class_weight, w)) for a, b, w in plain())

    length = len(x) if hasattr(x, "__len__") else None
    return _Stream(passes, length, steps)


def _validation_source(given: Any, held_out: ArrayData | None, batch_size: Any) -> Any:
    if given is None:
        return None if held_out is None else _Arrays(held_out)
    if isinstance(given, tuple | list) and 1 < len(given) <= 3 and _data.is_arrays(given[0]):
        x, y, weight = _data.unpack(tuple(given))
        return _Arrays(_data.array_data(x, y, weight, batch_size))
    return _stream_source(given, None)


# ------------------------------------------------------------------ evaluate
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
        source: Any = _Arrays(_data.array_data(x, y, sample_weight, batch_size))
    else:
        source = _stream_source(x, steps)
    return _evaluate(trainer, state, source, steps, 1 if verbose == "auto" else int(verbose), CallbackList(callbacks))


def _evaluate(
    trainer: Any, state: TrainState, source: Any, steps: int | None, verbose: int, calls: CallbackList
) -> dict[str, float]:
    example = source.example()
    sums = trainer.reset_metrics(state.variables, example)
    padded = isinstance(source, _Arrays) and _can_pad(trainer, state.variables, example)
    size = min(source.data.batch_size, source.data.count) if padded else None
    run = _cached(trainer, "evaluate", lambda: trainer._evaluate_batch)
    progress, done = Progress(steps or source.steps, verbose), 0
    event = calls.call("on_test_begin", Event(trainer=trainer, state=state))  # may put other weights in place
    light = event.state.replace(opt_state=(), metrics=())
    for batch in itertools.islice(source.epoch(None, _Position(0, 0)), steps):
        calls.call("on_test_batch_begin", event.replace(batch=done))
        valid = None
        if size is not None:
            valid = np.arange(size) < rows(batch[0])
            batch = _data.pad(batch, size)
        sums = run(sums, light, batch, valid)
        calls.call("on_test_batch_end", event.replace(batch=done))
        done += 1
        progress.step(done, {})
    if not done:
        raise _no_batches(0)
    finish = _cached(trainer, "logs", lambda: trainer.logs_of)
    logs = _floats(finish(sums, light, example))
    calls.call("on_test_end", event.replace(logs=logs))
    progress.finish(done, logs)
    return logs


def _can_pad(trainer: Any, variables: Any, example: Any) -> bool:
    """Whether rows may be added and dropped again: not where a loss sees the batch as a whole."""
    given = jax.tree.leaves(trainer.loss, is_leaf=lambda part: isinstance(part, Loss))
    if trainer._custom_loss() or not all(is_known(loss) for loss in given):
        return False
    key = jax.eval_shape(lambda: jax.random.key(0))
    updates = jax.eval_shape(lambda v, x, k: forward(trainer.model, v, x, k, False)[1], variables, example, key)
    return not jax.tree.leaves(updates.get(LOSSES, {}))


def _cached(trainer: Any, key: str, function: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    if trainer.run_eagerly:
        return function()
    if key not in trainer._programs:
        trainer._programs[key] = jax.jit(function())
    return trainer._programs[key]


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
    source: Any = _Arrays(_data.array_data(x, None, None, batch_size)) if arrays else _stream_source(x, steps)
    size = min(source.data.batch_size, source.data.count) if arrays else None
    calls, progress, results = CallbackList(callbacks), Progress(steps or source.steps, int(verbose != 0)), []
    event = Event(trainer=trainer, state=None)  # type: ignore[arg-type]
    calls.call("on_predict_begin", event)
    for done, (inputs, _, _) in enumerate(itertools.islice(source.epoch(None, _Position(0, 0)), steps)):
        calls.call("on_predict_batch_begin", event.replace(batch=done))
        count = rows(inputs)
        outputs = trainer.predict_step(variables, _data.pad(inputs, size) if size is not None else inputs)
        results.append((outputs, count))
        calls.call("on_predict_batch_end", event.replace(batch=done))
        progress.step(done + 1, {})
    if not results:
        raise _no_batches(0)
    calls.call("on_predict_end", event)
    progress.finish(len(results), {})
    parts = [jax.tree.map(lambda a, n=count: np.asarray(a)[:n], outputs) for outputs, count in results]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def one_batch(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Batch:
    """Arrays as one batch."""
    x, y, sample_weight = (_data.as_arrays(part) for part in (x, y, sample_weight))
    data = _data.array_data(x, y, sample_weight, None)
    if class_weight is not None:
        sample_weight = _data.class_weights(data.y, class_weight, data.sample_weight)
    return data.x, data.y, sample_weight
