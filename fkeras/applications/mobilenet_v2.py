"""`fk.applications.mobilenet_v2`: MobileNetV2, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._mobilenet_v2 import MobileNetV2 as MobileNetV2

preprocess_input = _preprocess("tf", "MobileNetV2")
