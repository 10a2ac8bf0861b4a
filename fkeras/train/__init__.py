"""How a model learns: the Trainer and its state, losses, metrics, optimizers, callbacks."""

from . import callbacks as callbacks
from . import distribution as distribution
from . import losses as losses
from . import metrics as metrics
from . import optimizers as optimizers
from ._compile_cache import compile_cache as compile_cache
from ._ensemble import ensemble as ensemble
from ._first_difference import FirstDifference as FirstDifference
from ._first_difference import first_difference as first_difference
from ._loop._evaluate import evaluate as evaluate
from ._loop._fit import fit as fit
from ._loop._fit_many import fit_many as fit_many
from ._loop._histories import Histories as Histories
from ._lower import lower as lower
from ._nan_search import Finding as Finding
from ._nan_search import explain as explain
from ._predictor import predict as predict
from ._preflight._report import Preflight as Preflight
from ._step._digest import digest as digest
from ._step._hyperparameters import hyperparameters_of as hyperparameters_of
from ._step._logs import Logs as Logs
from ._step._many import member as member
from ._step._state import TrainState as TrainState
from ._trainer import Trainer as Trainer
from ._trainer import compile as compile
