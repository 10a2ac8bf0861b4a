"""`fk.optimizers`: how gradients move weights."""

from ..train.optimizers import *
from . import legacy as legacy
