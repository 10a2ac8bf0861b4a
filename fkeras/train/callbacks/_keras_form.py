"""Hooks in Keras's form: found when a callback is given, and called with Keras's arguments."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from ...core import did_you_mean, explain
from .._step._state import TrainState
from ._base import Callback, CallbackResult, Event
from ._hook_forms import ALIASES, HOOKS, Form, number_of
from ._of_a_run import ModelView, Moment, python_numbers

# Where a run goes on that was saved, hooks in Keras's form begin anew: what they had set is not there.
_RESUMED = "_on_run_resumed"


@dataclasses.dataclass(frozen=True)
class AsInKeras:
    """A hook that is called as Keras calls it; an event comes in, and what the hook changed comes out.

    Attributes:
        name: the hook's name.
        function: the hook.
        form: what it takes.
        moment: where the run is, which `self.model` shows.
    """

    name: str
    function: Callable[..., object]
    form: Form
    moment: Moment

    def __call__(self, event: Event) -> CallbackResult:
        moment = self.moment
        moment.trainer, moment.state, moment.hook, moment.stop = event.trainer, event.state, self.name, event.stop
        logs = python_numbers(event.logs)
        before = dict(logs)
        number = event.epoch if number_of(self.name) == "epoch" else event.batch
        if self.form is Form.LOGS:
            result = self.function(logs)
        elif self.form is Form.NUMBER_AND_LOGS:
            result = self.function(number, logs)
        else:
            result = self.function(number, logs=logs)
        if isinstance(result, Event):
            event = result
        elif isinstance(result, TrainState):
            event = event.replace(state=result)
        if logs.keys() != before.keys() or any(logs[k] is not before[k] for k in logs):
            event = event.replace(logs=logs)
        return event.replace(stop=moment.stop or (isinstance(result, Event) and result.stop))


def found_by_form(callback: Callback, moment: Moment) -> dict[str, Callable[[Event], CallbackResult]]:
    """The hooks of a callback that are called in another way than by their name with the event.

    Args:
        callback: the callback.
        moment: what `self.model` will show.

    Returns:
        The functions by the hook's name.

    Raises:
        TypeError: a hook that can be called in neither form, or one in Keras's form in place of a built-in one.
    """
    found: dict[str, Callable[[Event], CallbackResult]] = {}
    for name in HOOKS:
        if not callback._has_hook(name):
            continue
        alias = ALIASES.get(name)
        named = name if alias is None or _overrides(callback, name) else alias
        hook = getattr(callback, named)
        form = callback._form_of(named, hook)
        if form is not Form.EVENT:
            _check_base(callback, named)
            found[name] = AsInKeras(named, hook, form, moment)
        elif named != name:
            found[name] = hook
    begin = found.get("on_train_begin")
    if isinstance(begin, AsInKeras):
        found[_RESUMED] = begin
    _warn_of_misspelt(callback)
    return found


def _overrides(callback: Callback, name: str) -> bool:
    return getattr(type(callback), name) is not getattr(Callback, name) or name in vars(callback)


def _check_base(callback: Callback, name: str) -> None:
    """Refuse a hook in Keras's form in a class whose base is a built-in callback with that hook, which takes the event.

    Raises:
        TypeError: it is.
    """
    definers = [c for c in type(callback).__mro__ if name in vars(c) and c is not Callback]
    built_in = [c for c in definers[1:] if c.__module__.startswith(f"{__package__}.")]
    if name in vars(callback) or not built_in:
        return
    kind, base = type(callback).__name__, built_in[0].__name__
    raise TypeError(
        explain(
            f"{kind}.{name} has Keras's arguments, and that of {base}, which it overrides, takes the event.",
            received=f"class {kind}({base})",
            write=f"def {name}(self, event): return super().{name}(event)   # event.epoch, event.logs, event.state",
        )
    )


def _warn_of_misspelt(callback: Callback) -> None:
    """Say that a method is never called whose name is nearly a hook's."""
    known = [*HOOKS, *ALIASES.values()]
    own = {name for c in type(callback).__mro__ if issubclass(c, Callback) and c is not Callback for name in vars(c)}
    for name in sorted(own):
        if name.startswith("on_") and name not in known and (near := did_you_mean(name, known)).startswith("Did"):
            warnings.warn(
                explain(
                    f"{type(callback).__name__}.{name} is never called: no hook has this name.",
                    usually=near.partition("Known")[0].strip(),
                    write=f"def {near.split(chr(39))[1]}(self, event): ...",
                ),
                UserWarning,
                stacklevel=6,
            )


class Told:
    """While active, callbacks have the model of a run and what the run was asked for; then what they had before.

    Args:
        callbacks: those that have hooks in Keras's form.
        model: the model as it is at the moment of a hook.
        params: `epochs`, `steps` and `verbose`.
    """

    def __init__(self, callbacks: Sequence[Callback], model: ModelView, params: Mapping[str, Any]) -> None:
        self.callbacks, self.model, self.params = callbacks, model, params
        self.before: list[dict[str, Any]] = []

    def __enter__(self) -> Told:
        for callback in self.callbacks:
            # another run may go on around this one
            self.before.append({name: vars(callback)[name] for name in ("model", "params") if name in vars(callback)})
            callback.set_params(dict(self.params))
            callback.set_model(self.model)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for callback, before in zip(self.callbacks, self.before, strict=False):
            if "model" in before:
                callback.model = before["model"]
            elif "model" in vars(callback):
                del callback.model
            if "params" in before:
                callback.params = before["params"]
            elif "params" in vars(callback):
                del callback.params


def warn_of_attributes(callback: Callback, found: Mapping[str, object]) -> None:
    """Say of a callback in a run that goes on that what its hooks had set is gone, if they may have set anything."""
    in_keras_form = any(isinstance(hook, AsInKeras) for hook in found.values())
    own = [name for name in callback._own() if name not in HOOKS]
    if in_keras_form and (own or (_RESUMED in found and "on_train_begin" not in vars(callback))):
        warnings.warn(
            explain(
                f"{type(callback).__name__} begins anew in this run, which goes on: its attributes were not saved.",
                received=f"hooks in Keras's form, and the attributes {', '.join(own) or 'that on_train_begin sets'}",
                usually="only what hooks keep in the event's memory is saved with a run.",
                write="def on_epoch_end(self, event): return event.remember(losses=…)   # then event.memory['losses']",
            ),
            UserWarning,
            stacklevel=4,
        )
