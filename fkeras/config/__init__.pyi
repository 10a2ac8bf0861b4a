"""`fk.config`: the defaults of arguments; there is no switch for all of a program, so there is nothing to set."""

from ._defaults import backend as backend
from ._defaults import dtype_policy as dtype_policy
from ._defaults import epsilon as epsilon
from ._defaults import floatx as floatx
from ._defaults import image_data_format as image_data_format
from ._defaults import is_nnx_enabled as is_nnx_enabled
from ._defaults import max_epochs as max_epochs
from ._defaults import max_steps_per_epoch as max_steps_per_epoch
