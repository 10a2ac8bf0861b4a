"""fkeras: the Keras vocabulary on JAX and Flax, state first in, new state out."""

from . import checkpoint as checkpoint
from . import core as core
from . import nn as nn
from . import train as train
from .checkpoint import LoadReport as LoadReport
from .checkpoint import load_exported as load_exported
from .checkpoint import load_model as load_model
from .checkpoint import load_trainer as load_trainer
from .core import DTypePolicy as DTypePolicy
from .core import Input as Input
from .core import Layer as Layer
from .core import Model as Model
from .core import Sequential as Sequential
from .core import SymbolicTensor as SymbolicTensor
from .core import model_from_json as model_from_json
from .nn import activations as activations
from .nn import constraints as constraints
from .nn import initializers as initializers
from .nn import ops as ops
from .nn import regularizers as regularizers
from .train import Trainer as Trainer
from .train import TrainState as TrainState
from .train import callbacks as callbacks
from .train import compile_cache as compile_cache
from .train import losses as losses
from .train import metrics as metrics
from .train import optimizers as optimizers

__version__: str
