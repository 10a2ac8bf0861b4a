"""Callbacks: reducers of a run's state, called where a Keras user expects."""

from ._base import Callback as Callback
from ._base import CallbackList as CallbackList
from ._base import Event as Event
from ._history import History as History
from ._lambda import LambdaCallback as LambdaCallback
from ._schedule import LearningRateScheduler as LearningRateScheduler
from ._stopping import EarlyStopping as EarlyStopping
