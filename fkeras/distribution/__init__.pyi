"""`fk.distribution`: where arrays lie on several devices and hosts."""

from ..train.distribution import FSDP as FSDP
from ..train.distribution import Auto as Auto
from ..train.distribution import DataParallel as DataParallel
from ..train.distribution import DeviceMesh as DeviceMesh
from ..train.distribution import LayoutMap as LayoutMap
from ..train.distribution import LogicalAxes as LogicalAxes
from ..train.distribution import ModelParallel as ModelParallel
from ..train.distribution import TensorLayout as TensorLayout
from ..train.distribution import get_device_count as get_device_count
from ..train.distribution import initialize as initialize
from ..train.distribution import list_devices as list_devices
