"""How a model lasts and leaves: Orbax directories, Keras's files, few bits, programs for elsewhere."""

from ._export._exported import Exported as Exported
from ._export._exported import load_exported as load_exported
from ._export._formats import export as export
from ._files._report import LoadReport as LoadReport
from ._lora import lora_variables as lora_variables
from ._lora import merge_lora as merge_lora
from ._lora import with_lora as with_lora
from ._models import load_arrays as load_arrays
from ._models import load_model as load_model
from ._models import load_weights as load_weights
from ._models import save_model as save_model
from ._models import save_weights as save_weights
from ._orbax._directory import delete_checkpoint as delete_checkpoint
from ._preflight import check_save as check_save
from ._quantize import quantize as quantize
from ._quantize import with_fake_quant as with_fake_quant
from ._runs import delete_runs as delete_runs
from ._runs import load_run as load_run
from ._runs import save_run as save_run
from ._trainers import load_trainer as load_trainer
from ._trainers import save_trainer as save_trainer
