"""`fk.applications.mobilenet`: MobileNet, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._mobilenet import MobileNet as MobileNet

preprocess_input = _preprocess("tf", "MobileNet")
