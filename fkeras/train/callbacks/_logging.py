"""Callbacks that show a run's numbers, and one that stops a run whose loss is no number."""

from __future__ import annotations

import numpy as np

from ...core import explain
from ._base import Callback, CallbackResult, Event
from ._say import say


class TerminateOnNaN(Callback):
    """Ends a run whose loss is NaN or infinite, after the batch in which that happens.

    Args:
        raise_error: whether to raise instead.

    >>> import fkeras as fk
    >>> fk.callbacks.CallbackList([fk.callbacks.TerminateOnNaN()]).hooks("on_train_batch_end")
    1

    Reference: https://keras.io/api/callbacks/terminate_on_nan/
    It reads the loss after every batch, which waits for the device.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, event: Event) -> CallbackResult:
        loss = event.logs.get("loss")
        if loss is None or np.isfinite(float(loss)):
            return None
        if self.raise_error:
            raise RuntimeError(
                explain(
                    f"The loss is {float(loss)} after batch {event.batch} of epoch {event.epoch + 1}.",
                    usually="a learning rate that is too large, or data with NaN in it.",
                    write="a smaller learning rate, clipnorm=1.0, or np.isfinite(x).all() on the data",
                )
            )
        say(f"Batch {event.batch}: Invalid loss, terminating training")
        return event.replace(stop=True)


class ProgbarLogger(Callback):
    """Accepted for Keras's sake: `fit(verbose=1)` draws the bar.

    >>> import fkeras as fk
    >>> fk.callbacks.ProgbarLogger().on_epoch_end(None)

    Reference: https://keras.io/api/callbacks/
    """
