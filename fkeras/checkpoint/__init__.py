"""How a model lasts: Orbax directories for models, weights and whole runs."""

from ._models import load_model as load_model
from ._models import load_weights as load_weights
from ._models import save_model as save_model
from ._models import save_weights as save_weights
from ._report import LoadReport as LoadReport
from ._runs import delete_runs as delete_runs
from ._runs import load_run as load_run
from ._runs import save_run as save_run
from ._trainers import load_trainer as load_trainer
from ._trainers import save_trainer as save_trainer
