"""Callbacks: reducers of a run's state, called where a Keras user expects."""

from ._backup import BackupAndRestore as BackupAndRestore
from ._base import Callback as Callback
from ._base import Event as Event
from ._callback_list import CallbackList as CallbackList
from ._checkpoint import ModelCheckpoint as ModelCheckpoint
from ._csv import CSVLogger as CSVLogger
from ._digests import Digests as Digests
from ._ema import SwapEMAWeights as SwapEMAWeights
from ._history import History as History
from ._lambda import LambdaCallback as LambdaCallback
from ._log_files import CSVFileLogger as CSVFileLogger
from ._log_files import JSONLinesLogger as JSONLinesLogger
from ._log_mlflow import MLFlowLogger as MLFlowLogger
from ._log_tensorboard import TensorBoardLogger as TensorBoardLogger
from ._log_wandb import WandbLogger as WandbLogger
from ._logger import Logger as Logger
from ._logging import ProgbarLogger as ProgbarLogger
from ._logging import TerminateOnNaN as TerminateOnNaN
from ._orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
from ._plateau import ReduceLROnPlateau as ReduceLROnPlateau
from ._schedule import LearningRateScheduler as LearningRateScheduler
from ._stopping import EarlyStopping as EarlyStopping
from ._tensorboard import TensorBoard as TensorBoard
from ._tracker import Tracker as Tracker
