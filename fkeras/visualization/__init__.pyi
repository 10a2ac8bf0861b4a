"""`fk.visualization`: pictures of models, of training and of data."""

from ._model_to_dot import model_to_dot as model_to_dot
from ._plot_model import plot_model as plot_model
