"""`fk.models`: models, and how they are read and written."""

from ..checkpoint import load_model as load_model
from ..checkpoint import save_model as save_model
from ..core import Model as Model
from ..core import Sequential as Sequential
from ..core import model_from_json as model_from_json
from ._clone import clone_model as clone_model
