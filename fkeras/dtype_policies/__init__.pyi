"""`fk.dtype_policies`: what layers compute and store in."""

from ..core import DTypePolicy as DTypePolicy
from ._policies import FloatDTypePolicy as FloatDTypePolicy
from ._policies import deserialize as deserialize
from ._policies import get as get
from ._policies import serialize as serialize
