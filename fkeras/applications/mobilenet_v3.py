"""`fk.applications.mobilenet_v3`: MobileNetV3, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._mobilenet_v3 import MobileNetV3Large as MobileNetV3Large
from ._networks._mobilenet_v3 import MobileNetV3Small as MobileNetV3Small

preprocess_input = _preprocess(None, "MobileNetV3")
