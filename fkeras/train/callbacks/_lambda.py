"""LambdaCallback: hooks given as functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ._base import HOOKS, Callback, Event


class LambdaCallback(Callback):
    """A callback of functions with Keras's arguments: `on_epoch_end=lambda epoch, logs: …`.

    Args:
        on_epoch_begin, on_epoch_end: functions `(epoch, logs)`.
        on_train_begin, on_train_end: functions `(logs)`.
        on_train_batch_begin, on_train_batch_end: functions `(batch, logs)`.
        **others: the hooks of `test` and `predict`, likewise.

    Raises:
        TypeError: a hook that does not exist.

    >>> import fkeras as fk
    >>> show = fk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> fk.callbacks.CallbackList([show]).hooks("on_epoch_end")
    1

    Reference: https://keras.io/api/callbacks/lambda_callback/
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., object] | None = None,
        on_epoch_end: Callable[..., object] | None = None,
        on_train_begin: Callable[..., object] | None = None,
        on_train_end: Callable[..., object] | None = None,
        on_train_batch_begin: Callable[..., object] | None = None,
        on_train_batch_end: Callable[..., object] | None = None,
        **others: Callable[..., object],
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        unknown = sorted(set(given) - set(HOOKS))
        if unknown:
            raise TypeError(f"LambdaCallback has no hook {unknown[0]!r}; the hooks are {', '.join(HOOKS)}")
        for name, function in given.items():
            if function is not None:
                setattr(self, name, _Hook(name, function))


@dataclasses.dataclass(frozen=True)
class _Hook:
    """A hook that calls a function with Keras's arguments."""

    name: str
    function: Callable[..., object]

    def __call__(self, event: Event) -> None:
        logs = dict(event.logs)
        if "_batch_" in self.name:
            self.function(event.batch, logs)
        elif "_epoch_" in self.name:
            self.function(event.epoch, logs)
        else:
            self.function(logs)
