"""What a model is made of: the layer catalogue."""

from ..core import InputLayer as InputLayer
from ..core import Layer as Layer
from ..core import field as field
from ._linear import Dense as Dense
