"""The two forms of a hook: fkeras's, which takes the event, and Keras's, which takes the epoch or batch, and the logs.

Which one a hook has follows from its parameters alone:

* one positional parameter takes the event; of hooks that Keras calls with the logs alone (`on_train_begin`), a
  parameter whose name has `log` in it, or that has a default, takes the logs;
* what can be called as `(epoch, logs)`, `(batch, logs)` or `(batch, logs=…)` is called so;
* anything else is refused.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable

from ...core import explain

HOOKS = tuple(
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for when in ("begin", "end")
)
#: Keras's other names of two hooks.
ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}

# What Keras hands to a hook before the logs.
_NUMBERS = ("epoch", "batch")
# Names that say that a hook was written for other arguments than Keras's.
_OTHERS = ("event", "trainer", "state", "model", "params")


class Form(enum.Enum):
    """What a hook is called with."""

    EVENT = "event"
    LOGS = "logs"
    NUMBER_AND_LOGS = "number, logs"
    NUMBER_AND_LOGS_BY_NAME = "number, logs=logs"


def number_of(name: str) -> str:
    """What Keras numbers a hook's calls by: `"epoch"`, `"batch"`, or nothing.

    >>> number_of("on_epoch_end"), number_of("on_batch_end"), number_of("on_train_end")
    ('epoch', 'batch', '')
    """
    return next((number for number in _NUMBERS if f"_{number}_" in name), "")


def form_of(owner: str, name: str, hook: Callable[..., object], one_means: Form = Form.EVENT) -> Form:
    """What a hook is called with, by its parameters.

    Args:
        owner: whose hook it is, for the error.
        name: the hook's name.
        hook: the bound method, or the function.
        one_means: what the one parameter of a hook that is not numbered stands for, where its name does not say.

    Returns:
        The form.

    Raises:
        TypeError: it can be called with neither.

    >>> form_of("Mine", "on_epoch_end", lambda event: None), form_of("Mine", "on_epoch_end", lambda epoch, logs: None)
    (<Form.EVENT: 'event'>, <Form.NUMBER_AND_LOGS: 'number, logs'>)
    """
    try:
        signature = inspect.signature(hook)
    except (TypeError, ValueError):  # a builtin does not say what it takes
        return Form.EVENT if number_of(name) else one_means
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p for p in signature.parameters.values() if p.kind in by_position]
    form = None
    if positional and positional[0].name == "event":
        form = Form.EVENT if _takes(signature, 1) else None
    elif positional and number_of(name):
        form = _numbered(signature, positional)
    elif positional and _takes(signature, 1) and positional[0].name not in (*_NUMBERS, *_OTHERS):
        first = positional[0]
        says_logs = "log" in first.name or first.default is not inspect.Parameter.empty
        form = Form.LOGS if says_logs else one_means
    if form is None:
        raise TypeError(_refusal(owner, name, signature))
    return form


def _numbered(signature: inspect.Signature, positional: list[inspect.Parameter]) -> Form | None:
    """The form of a hook that Keras numbers, whose first parameter is not called `event`."""
    names = [p.name for p in positional[:2]]
    if any(name in _OTHERS for name in names):
        return None
    if _takes(signature, 2):
        return Form.NUMBER_AND_LOGS
    if _takes(signature, 1, "logs"):
        return Form.NUMBER_AND_LOGS_BY_NAME if names[0] in _NUMBERS or "logs" in signature.parameters else Form.EVENT
    says_keras = "log" in names[0] or names[0] in _NUMBERS or positional[0].default is not inspect.Parameter.empty
    return Form.EVENT if _takes(signature, 1) and not says_keras else None


def _takes(signature: inspect.Signature, count: int, *names: str) -> bool:
    """Whether something can be called with so many arguments by position, and these by name."""
    try:
        signature.bind(*range(count), **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def both_forms(name: str) -> str:
    """A hook in both forms, as one writes them.

    >>> print(both_forms("on_epoch_end"))
    def on_epoch_end(self, event): ...   # event.epoch, event.logs, event.state
    or, as in Keras: def on_epoch_end(self, epoch, logs=None): ...
    """
    number = number_of(name)
    shown = f"event.{number}, event.logs, event.state" if number else "event.logs, event.state"
    keras = f"def {name}(self, {number}, logs=None): ..." if number else f"def {name}(self, logs=None): ..."
    return f"def {name}(self, event): ...   # {shown}\nor, as in Keras: {keras}"


def _refusal(owner: str, name: str, signature: inspect.Signature) -> str:
    return explain(
        f"{owner}.{name} takes neither the event nor Keras's arguments.",
        received=f"{name}{signature}",
        usually="a parameter that is missing, or one too many.",
        write=both_forms(name),
    )
