"""What a model is: symbolic tensors and the graph, layers, models, naming, config, summary."""

from ._config import Configured as Configured
from ._config import address_of as address_of
from ._config import build_object as build_object
from ._config import deserialize as deserialize
from ._config import get as get
from ._config import look_up as look_up
from ._config import register as register
from ._config import registered as registered
from ._config import serialize as serialize
from ._config import serialize_function as serialize_function
from ._config import serialize_object as serialize_object
from ._errors import did_you_mean as did_you_mean
from ._errors import explain as explain
