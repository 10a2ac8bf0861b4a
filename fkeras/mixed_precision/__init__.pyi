"""`fk.mixed_precision`: computing in half precision, an argument of layers and models."""

from ..config import dtype_policy as dtype_policy
from ..core import DTypePolicy as DTypePolicy
from ..train.optimizers import LossScaleOptimizer as LossScaleOptimizer
from ._names import Policy as Policy
from ._names import global_policy as global_policy
