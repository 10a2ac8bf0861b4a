"""CallbackList: the callbacks of a run, called in order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, cast

from ...core import explain
from ...core.typing import Variables
from .._step._learner import Learner
from .._step._state import TrainState
from ._base import Callback, CallbackLike, CallbackResult, CallbackSpec, Event, Memory
from ._history import History
from ._keras_form import AsInKeras, Told, found_by_form, warn_of_attributes
from ._of_a_run import ModelView, Moment


class CallbackList:
    """Several callbacks called in order, and what each remembers.

    Args:
        callbacks: callbacks, or functions `(trainer, state, logs) -> state`.
        memory: what they remembered when a run was saved, by position.

    Raises:
        TypeError: something that is neither, or a callback with a hook that can be called in neither form.
    """

    def __init__(self, callbacks: CallbackSpec | CallbackList = None, memory: Sequence[Memory] | None = None) -> None:
        self.callbacks = [_as_callback(callback) for callback in several(callbacks)]
        self.memory: list[Memory] = list(memory or [{} for _ in self.callbacks])
        self._moment = Moment()
        self._other = [found_by_form(callback, self._moment) for callback in self.callbacks]

    def hooks(self, name: str) -> int:
        """How many callbacks override a hook."""
        pairs = zip(self.callbacks, self._other, strict=True)
        return sum(name in other or callback._has_hook(name) for callback, other in pairs)

    def leave_files(self) -> bool:
        """Whether a run that was cut off before its first save, and begins anew, would write to files twice."""
        return any(callback._leaves_files for callback in self.callbacks)

    def run(self, trainer: Learner, variables: Variables | None = None, **params: Any) -> Told:
        """A context in which callbacks with hooks in Keras's form have `self.model` and `self.params`.

        Args:
            trainer: what trains.
            variables: the model's variables, where no event has a state.
            **params: `epochs`, `steps` and `verbose`.

        Returns:
            The context: a `with` statement's.
        """
        self._moment.trainer, self._moment.variables, self._moment.stop = trainer, variables, False
        pairs = zip(self.callbacks, self._other, strict=True)
        told = [callback for callback, other in pairs if any(isinstance(hook, AsInKeras) for hook in other.values())]
        return Told(told, ModelView(self._moment), params)

    def warn_of_attributes(self) -> None:
        """Say which callbacks begin anew in a run that goes on: what hooks in Keras's form set is not saved."""
        for callback, other in zip(self.callbacks, self._other, strict=True):
            warn_of_attributes(callback, other)

    def call(self, name: str, event: Event, **parts: Any) -> Event:
        """Run one hook of every callback, with some parts of the event changed; each sees what those before it did."""
        if not self.callbacks:  # `call` runs twice a batch: without callbacks it costs nothing
            return event
        event = event.replace(**parts) if parts else event
        if self._moment.stop:
            event = event.replace(stop=True)
        for i, callback in enumerate(self.callbacks):
            hook = self._other[i].get(name)
            result = (getattr(callback, name) if hook is None else hook)(event.replace(memory=self.memory[i]))
            if isinstance(result, TrainState):
                event = event.replace(state=result)
            elif isinstance(result, Event):
                self.memory[i] = result.memory
                # a hook in Keras's form may say that training does not end after all
                stop = result.stop or (event.stop and not isinstance(hook, AsInKeras))
                event = result.replace(stop=stop)
            elif result is not None:
                raise TypeError(
                    explain(
                        f"{type(callback).__name__}.{name} must return None, a TrainState or an Event.",
                        received=type(result).__name__,
                        write="return event.replace(state=...)",
                    )
                )
        return event.replace(memory={})


def several(callbacks: CallbackSpec | CallbackList) -> Sequence[CallbackLike]:
    """What `callbacks=` was given, as a list: one, several, none, or those of a `CallbackList`."""
    if isinstance(callbacks, CallbackList):
        return callbacks.callbacks
    if isinstance(callbacks, list | tuple):
        return callbacks
    return [] if callbacks is None else [cast(CallbackLike, callbacks)]


class _Reducer(Callback):
    """A plain function as a callback."""

    def __init__(self, function: Callable[..., CallbackResult]) -> None:
        self.function = function

    def on_epoch_end(self, event: Event) -> CallbackResult:
        return self.function(event.trainer, event.state, dict(event.logs))


def _as_callback(callback: object) -> Callback:
    """A callback as it is, a function as one.

    Raises:
        TypeError: something that is neither.
    """
    if isinstance(callback, Callback):
        return callback
    if callable(callback) and not isinstance(callback, type):
        _check_reducer(callback)
        return _Reducer(callback)
    name = callback.__name__ if isinstance(callback, type) else type(callback).__name__
    usually, write = "", "fk.callbacks.EarlyStopping(patience=3), or a function (trainer, state, logs) -> state"
    if isinstance(callback, History):
        usually, write = "Keras's fit fills it in; here it is returned.", "state, history = trainer.fit(state, x, y)"
    elif isinstance(callback, type):
        usually, write = "a class was passed without calling it.", f"callbacks=[{name}(…)]"
    elif any(base.__module__.partition(".")[0] == "keras" for base in type(callback).__mro__):
        own = not type(callback).__module__.startswith("keras.")
        usually = "a callback of Keras, which changes the model that it is given."
        write = f"class {name}(fk.callbacks.Callback): …   # hooks as they are" if own else f"fk.callbacks.{name}(…)"
    elif any(hasattr(callback, hook) for hook in ("on_epoch_end", "on_train_batch_end", "on_train_begin")):
        usually, write = "a callback of another library.", f"class {name}(fk.callbacks.Callback): …"
    raise TypeError(explain("This is no callback.", received=repr(callback)[:80], usually=usually, write=write))


def _check_reducer(function: Callable[..., object]) -> None:
    """Refuse a function that cannot be called with trainer, state and logs."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin does not say what it takes
        return
    try:
        signature.bind(None, None, None)
    except TypeError:
        raise TypeError(
            explain(
                "A function as a callback takes (trainer, state, logs), and returns the next state or None.",
                received=f"{getattr(function, '__name__', type(function).__name__)}{signature}",
                usually="a hook of Keras's, which belongs to a callback.",
                write="fk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: …)",
            )
        ) from None
