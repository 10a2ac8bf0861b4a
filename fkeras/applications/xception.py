"""`fk.applications.xception`: Xception, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._xception import Xception as Xception

preprocess_input = _preprocess("tf", "Xception")
