"""`fk.saving`: models, weights and objects in files."""

from ..checkpoint import load_model as load_model
from ..checkpoint import load_weights as load_weights
from ..checkpoint import save_model as save_model
from ..checkpoint import save_weights as save_weights
from ._objects import deserialize_keras_object as deserialize_keras_object
from ._objects import serialize_keras_object as serialize_keras_object
from ._registered import get_registered_name as get_registered_name
from ._registered import get_registered_object as get_registered_object
from ._registered import register_keras_serializable as register_keras_serializable
