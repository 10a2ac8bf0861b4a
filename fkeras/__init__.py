"""fkeras: the Keras vocabulary on JAX and Flax, state first in, new state out."""

from . import nn as nn
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
from .nn import regularizers as regularizers

__version__ = "0.1.0"
