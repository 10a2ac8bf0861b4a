"""The module `fk.optimizers.schedules`, so that it can be imported by its name."""

import sys

from fkeras.train.optimizers import schedules

sys.modules[__name__] = schedules
