"""The callback protocol: an event comes in, what should train next goes out.

A callback holds no state of the run. What it has to remember (patience, the best value) is `event.memory`, a
dict that travels with the run; what it returns is what trains next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

from ...core import arguments_repr, explain
from .._step._learner import Learner
from .._step._state import TrainState
from ..losses._exact_key import exact_key

#: What a callback remembers between its hooks; it travels with the run, so it holds what a checkpoint can hold.
Memory: TypeAlias = Mapping[str, Any]
#: What a hook returns: what trains next, or nothing where nothing changes.
CallbackResult: TypeAlias = "TrainState | Event | None"
#: What stands for a callback: one, or a function `(trainer, state, logs) -> state`.
CallbackLike: TypeAlias = "Callback | Callable[..., CallbackResult]"
#: What `callbacks=` takes: one, several, or none.
CallbackSpec: TypeAlias = (
    "Callback | Callable[..., CallbackResult] | Sequence[Callback | Callable[..., CallbackResult]] | None"
)

HOOKS = tuple(
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for when in ("begin", "end")
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """A moment of a run, as a callback sees it.

    Attributes:
        trainer: what trains.
        state: the whole state; yours to keep, it is never donated.
        logs: the numbers so far; floats at the end of an epoch, device scalars after a batch.
        epoch: counted from 0.
        batch: counted from 0 within the epoch.
        memory: what this callback remembers; saved with the run.
        stop: whether training ends after this epoch.
        validates: whether the run has validation data, be it this epoch's turn or not.
        goals: which way the numbers of a step are better, `"max"` or `"min"`; `None` where nobody knows.
    """

    trainer: Any
    state: TrainState
    logs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    epoch: int = 0
    batch: int = 0
    memory: Memory = dataclasses.field(default_factory=dict)
    stop: bool = False
    validates: bool = False
    goals: Mapping[str, str | None] = dataclasses.field(default_factory=dict)

    def replace(self, **changes: Any) -> Event:
        """The event with some parts changed; what a callback returns."""
        return dataclasses.replace(self, **changes)

    def remember(self, **values: Any) -> Event:
        """The event with more in its memory."""
        return dataclasses.replace(self, memory={**self.memory, **values})


class Callback:
    """The base of callbacks. Override the hooks you need; each takes an `Event` and may return

    * `None`: nothing changes,
    * a `TrainState`: that is what trains next,
    * an `Event`, made by `event.replace(state=…, stop=True)` or `event.remember(best=…)`.

    A plain function `(trainer, state, logs) -> state` is a callback too; it runs at the end of each epoch.

    >>> import fkeras as fk
    >>> class HalveOnRise(fk.callbacks.Callback):
    ...     def on_epoch_end(self, event):
    ...         worse = event.logs["loss"] > event.memory.get("last", float("inf"))
    ...         rate = event.trainer.get_learning_rate(event.state)
    ...         state = event.trainer.set_learning_rate(event.state, rate / 2) if worse else event.state
    ...         return event.replace(state=state).remember(last=event.logs["loss"])
    >>> fk.callbacks.CallbackList([HalveOnRise()]).hooks("on_epoch_end")
    1

    Reference: https://keras.io/api/callbacks/base_callback/
    Unlike Keras, hooks take one `Event` and return the change instead of making it.
    """

    def on_train_begin(self, event: Event) -> CallbackResult:
        """Before the first epoch."""

    def on_train_end(self, event: Event) -> CallbackResult:
        """After the last epoch."""

    def on_epoch_begin(self, event: Event) -> CallbackResult:
        """Before an epoch's first batch."""

    def on_epoch_end(self, event: Event) -> CallbackResult:
        """After an epoch and its validation; `event.logs` holds both."""

    def on_train_batch_begin(self, event: Event) -> CallbackResult:
        """Before a step."""

    def on_train_batch_end(self, event: Event) -> CallbackResult:
        """After a step."""

    def on_test_begin(self, event: Event) -> CallbackResult:
        """Before an evaluation."""

    def on_test_end(self, event: Event) -> CallbackResult:
        """After an evaluation."""

    def on_test_batch_begin(self, event: Event) -> CallbackResult:
        """Before an evaluation batch."""

    def on_test_batch_end(self, event: Event) -> CallbackResult:
        """After an evaluation batch."""

    def on_predict_begin(self, event: Event) -> CallbackResult:
        """Before a prediction."""

    def on_predict_end(self, event: Event) -> CallbackResult:
        """After a prediction."""

    def on_predict_batch_begin(self, event: Event) -> CallbackResult:
        """Before a prediction batch."""

    def on_predict_batch_end(self, event: Event) -> CallbackResult:
        """After a prediction batch."""

    # What a callback holds only while a run goes on, open files and threads, with what makes its empty value: such
    # attributes are neither compared nor copied nor pickled.
    _held_by_a_run: ClassVar[Mapping[str, Callable[[], object]]] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), **{name: empty() for name, empty in self._held_by_a_run.items() if name in vars(self)}}

    def _key(self) -> Hashable:
        return (type(self), exact_key({k: v for k, v in vars(self).items() if k not in self._held_by_a_run}))

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self._key() == other._key())  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(type(self))  # attributes of a callback may change, so they cannot be part of it

    def __repr__(self) -> str:
        return arguments_repr(self, makes=False)

    def _has_hook(self, name: str) -> bool:
        """Whether a hook does anything: its class overrides it, or it was set on the object."""
        return getattr(type(self), name) is not getattr(Callback, name) or name in vars(self)

    # Whether it writes files that a run which was cut off before its first save, and begins anew, would write twice to.
    _leaves_files = False

    def _on_run_resumed(self, event: Event) -> CallbackResult:
        """In place of `on_train_begin`, where a run goes on that was saved."""

    def _refuse_before_run(self, trainer: Learner, state: TrainState, names: Sequence[str] | None) -> None:
        """Refuse, before a run, what could not be done at the end of its first epoch.

        Args:
            trainer: what will train.
            state: where the run begins.
            names: the numbers that the logs will have, `None` where they cannot be known.
        """

    def _on_run_over(self) -> None:
        """Let go of files and threads; called when a run is over, however it ended."""


class _Reducer(Callback):
    """A plain function as a callback."""

    def __init__(self, function: Callable[..., CallbackResult]) -> None:
        self.function = function

    def on_epoch_end(self, event: Event) -> CallbackResult:
        return self.function(event.trainer, event.state, dict(event.logs))


class CallbackList:
    """Several callbacks called in order, and what each remembers.

    Args:
        callbacks: callbacks, or functions `(trainer, state, logs) -> state`.
        memory: what they remembered when a run was saved, by position.

    Raises:
        TypeError: something that is neither.
    """

    def __init__(self, callbacks: CallbackSpec = None, memory: Sequence[Memory] | None = None) -> None:
        several = callbacks if isinstance(callbacks, list | tuple) else [] if callbacks is None else [callbacks]
        self.callbacks = [_as_callback(callback) for callback in several]
        self.memory: list[Memory] = list(memory or [{} for _ in self.callbacks])

    def hooks(self, name: str) -> int:
        """How many callbacks override a hook."""
        return sum(callback._has_hook(name) for callback in self.callbacks)

    def call(self, name: str, event: Event, **parts: Any) -> Event:
        """Run one hook of every callback, with some parts of the event changed; each sees what those before it did."""
        if not self.callbacks:  # `call` runs twice a batch: without callbacks it costs nothing
            return event
        event = event.replace(**parts) if parts else event
        for i, callback in enumerate(self.callbacks):
            result = getattr(callback, name)(event.replace(memory=self.memory[i]))
            if isinstance(result, TrainState):
                event = event.replace(state=result)
            elif isinstance(result, Event):
                self.memory[i] = result.memory
                event = result.replace(stop=event.stop or result.stop)
            elif result is not None:
                raise TypeError(
                    explain(
                        f"{type(callback).__name__}.{name} must return None, a TrainState or an Event.",
                        received=type(result).__name__,
                        write="return event.replace(state=...)",
                    )
                )
        return event.replace(memory={})


def _as_callback(callback: object) -> Callback:
    if isinstance(callback, Callback):
        return callback
    if callable(callback) and not isinstance(callback, type):
        return _Reducer(callback)
    raise TypeError(
        explain(
            "This is no callback.",
            received=repr(callback)[:80],
            usually="a class was passed without calling it, or a callback of another library.",
            write="fk.callbacks.EarlyStopping(patience=3), or a function (trainer, state, logs) -> state",
        )
    )
