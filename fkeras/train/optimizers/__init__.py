"""Optimizers: Keras's names and numbers as optax transformations."""

from . import schedules as schedules
from ._adam import Adam as Adam
from ._adam import Adamax as Adamax
from ._adam import AdamW as AdamW
from ._adam import Nadam as Nadam
from ._adaptive import Adadelta as Adadelta
from ._adaptive import Adagrad as Adagrad
from ._adaptive import RMSprop as RMSprop
from ._base import Optimizer as Optimizer
from ._base import OptimizerState as OptimizerState
from ._by_path import by_path as by_path
from ._get import deserialize as deserialize
from ._get import get as get
from ._get import serialize as serialize
from ._sgd import SGD as SGD
