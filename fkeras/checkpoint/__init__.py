"""How a model lasts and leaves: Orbax directories, Keras's files, few bits, programs for elsewhere."""

from ..nn import lora_variables as lora_variables
from ..nn import merge_lora as merge_lora
from ..nn import quantize as quantize
from ..nn import with_fake_quant as with_fake_quant
from ..nn import with_lora as with_lora
from ._export._exported import Exported as Exported
from ._export._formats import export as export
from ._export._load_exported import load_exported as load_exported
from ._files._report import LoadReport as LoadReport
from ._keras._layout import weight_order as weight_order
from ._models import load_model as load_model
from ._models import save_model as save_model
from ._orbax._own_files import delete_checkpoint as delete_checkpoint
from ._preflight import check_save as check_save
from ._runs import delete_runs as delete_runs
from ._runs import load_run as load_run
from ._runs import save_run as save_run
from ._some_arrays import load_arrays as load_arrays
from ._trainers import load_trainer as load_trainer
from ._trainers import save_trainer as save_trainer
from ._weight_lists import get_weights as get_weights
from ._weight_lists import set_weights as set_weights
from ._weights import load_weights as load_weights
from ._weights import save_weights as save_weights
