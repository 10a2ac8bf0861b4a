"""LambdaCallback: hooks given as functions."""

from __future__ import annotations

from collections.abc import Callable

from ...core import did_you_mean, explain
from ._base import Callback
from ._hook_forms import ALIASES, HOOKS, Form, form_of


class LambdaCallback(Callback):
    """A callback of functions with Keras's arguments: `on_epoch_end=lambda epoch, logs: …`.

    Args:
        on_epoch_begin, on_epoch_end: functions `(epoch, logs)`.
        on_train_begin, on_train_end: functions `(logs)`.
        on_train_batch_begin, on_train_batch_end: functions `(batch, logs)`.
        **others: the hooks of `test` and `predict`, likewise. Each may take the event instead, `lambda event: …`.

    Raises:
        TypeError: a hook that does not exist, or a function that takes neither Keras's arguments nor the event.

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
        unknown = sorted(set(given) - {*HOOKS, *ALIASES.values()})
        if unknown:
            raise TypeError(
                explain(
                    f"LambdaCallback has no hook {unknown[0]!r}.",
                    received=", ".join(f"{name}=" for name in others),
                    usually=did_you_mean(unknown[0], HOOKS),
                    write="LambdaCallback(on_epoch_end=lambda epoch, logs: …)",
                )
            )
        for name, function in given.items():
            if function is not None:
                form_of("LambdaCallback", name, function, one_means=Form.LOGS)
                setattr(self, name, function)

    def _form_of(self, name: str, hook: Callable[..., object]) -> Form:
        return form_of("LambdaCallback", name, hook, one_means=Form.LOGS)
