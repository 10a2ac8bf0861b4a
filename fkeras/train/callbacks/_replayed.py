"""Which callbacks a run that is replayed has to call again: those that may change what trains."""

from __future__ import annotations

from ._base import Callback
from ._callback_list import CallbackList
from ._checkpoint import ModelCheckpoint
from ._csv import CSVLogger
from ._keras_form import AsInKeras
from ._logging import ProgbarLogger, TerminateOnNaN
from ._orbax_checkpoint import OrbaxCheckpoint
from ._stopping import EarlyStopping
from ._tensorboard import TensorBoard
from ._tracker import Tracker

# They show, write files, or end a run; what EarlyStopping restores, it restores after the last step.
_WATCH = (
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    OrbaxCheckpoint,
    ProgbarLogger,
    TensorBoard,
    TerminateOnNaN,
    Tracker,
)


def watches(callback: Callback) -> bool:
    """Whether a callback is a built-in one that changes neither the state nor the logs before a run's end."""
    return type(callback) in _WATCH


def changes_state(calls: CallbackList, place: int) -> bool:
    """Whether the callback at a place may change what trains.

    Hooks in Keras's form are given no state, and read the run.

    >>> from fkeras.train import callbacks
    >>> calls = callbacks.CallbackList([callbacks.CSVLogger("log.csv"), callbacks.ReduceLROnPlateau()])
    >>> [changes_state(calls, place) for place in (0, 1)]
    [False, True]
    """
    callback, forms = calls.callbacks[place], calls._other[place]
    if watches(callback):
        return False
    own = [name for name in dir(Callback) if name.startswith("on_") and callback._has_hook(name)]
    return not all(isinstance(forms.get(name), AsInKeras) for name in own)
