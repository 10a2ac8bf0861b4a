"""The module `fk.ops.numpy`, so that it can be imported by its name."""

import sys

from fkeras.nn import ops

sys.modules[__name__] = ops.numpy
