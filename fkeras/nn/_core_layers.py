"""What users look for among the layers and `core` has."""

from ..core import Input as Input
from ..core import InputLayer as InputLayer
from ..core import InputSpec as InputSpec
from ..core import Layer as Layer
from ..core import field as field
