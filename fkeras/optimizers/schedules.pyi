"""`fk.optimizers.schedules`: learning rates that change."""

from ..train.optimizers.schedules import *
