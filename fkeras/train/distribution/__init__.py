"""Where arrays lie on several devices: meshes, layouts, and what a trainer does with them."""

from ._auto import Auto as Auto
from ._layout import FSDP as FSDP
from ._layout import DataParallel as DataParallel
from ._layout import LayoutMap as LayoutMap
from ._layout import ModelParallel as ModelParallel
from ._layout import TensorLayout as TensorLayout
from ._logical_axes import LogicalAxes as LogicalAxes
from ._mesh import DeviceMesh as DeviceMesh
from ._mesh import get_device_count as get_device_count
from ._mesh import list_devices as list_devices
from ._placement import Distribution as Distribution
from ._processes import initialize as initialize
from ._processes import is_first as is_first
from ._processes import several_processes as several_processes
