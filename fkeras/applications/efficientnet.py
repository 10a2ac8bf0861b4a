"""`fk.applications.efficientnet`: EfficientNet, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._efficientnet import EfficientNetB0 as EfficientNetB0
from ._networks._efficientnet import EfficientNetB1 as EfficientNetB1
from ._networks._efficientnet import EfficientNetB2 as EfficientNetB2
from ._networks._efficientnet import EfficientNetB3 as EfficientNetB3
from ._networks._efficientnet import EfficientNetB4 as EfficientNetB4
from ._networks._efficientnet import EfficientNetB5 as EfficientNetB5
from ._networks._efficientnet import EfficientNetB6 as EfficientNetB6
from ._networks._efficientnet import EfficientNetB7 as EfficientNetB7

preprocess_input = _preprocess(None, "EfficientNet")
