"""`fk.applications.nasnet`: NASNet, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._nasnet import NASNetLarge as NASNetLarge
from ._networks._nasnet import NASNetMobile as NASNetMobile

preprocess_input = _preprocess("tf", "NASNet")
