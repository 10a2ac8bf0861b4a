"""Optimizers: Keras's names and numbers as optax transformations."""

from . import schedules as schedules
from ._accumulate import accumulate as accumulate
from ._adafactor import Adafactor as Adafactor
from ._adam import Adam as Adam
from ._adam import Adamax as Adamax
from ._adam import AdamW as AdamW
from ._adam import Nadam as Nadam
from ._adaptive import Adadelta as Adadelta
from ._adaptive import Adagrad as Adagrad
from ._adaptive import RMSprop as RMSprop
from ._base import Optimizer as Optimizer
from ._by_path import by_path as by_path
from ._extra_args import update as update
from ._ftrl import Ftrl as Ftrl
from ._get import deserialize as deserialize
from ._get import get as get
from ._large_batch import Lamb as Lamb
from ._large_batch import Lion as Lion
from ._loss_scale import LossScaleOptimizer as LossScaleOptimizer
from ._multi import MultiOptimizer as MultiOptimizer
from ._multi import OptimizerMap as OptimizerMap
from ._muon import Muon as Muon
from ._optimizer_state import OptimizerState as OptimizerState
from ._schedule_free import ScheduleFreeAdamW as ScheduleFreeAdamW
from ._serialize import serialize as serialize
from ._sgd import SGD as SGD
