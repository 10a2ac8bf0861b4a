"""`fk.dtype_policies`: what layers compute and store in."""

from ..core import AWQDTypePolicy as AWQDTypePolicy
from ..core import DTypePolicy as DTypePolicy
from ..core import GPTQDTypePolicy as GPTQDTypePolicy
from ..core import Int4DTypePolicy as Int4DTypePolicy
from ..core import QuantizedDTypePolicy as QuantizedDTypePolicy
from ..core import QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy
from ._policies import FloatDTypePolicy as FloatDTypePolicy
from ._policies import deserialize as deserialize
from ._policies import get as get
from ._policies import serialize as serialize
