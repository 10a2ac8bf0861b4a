"""`fk.applications.efficientnet_v2`: EfficientNetV2, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._efficientnet_v2 import EfficientNetV2B0 as EfficientNetV2B0
from ._networks._efficientnet_v2 import EfficientNetV2B1 as EfficientNetV2B1
from ._networks._efficientnet_v2 import EfficientNetV2B2 as EfficientNetV2B2
from ._networks._efficientnet_v2 import EfficientNetV2B3 as EfficientNetV2B3
from ._networks._efficientnet_v2 import EfficientNetV2L as EfficientNetV2L
from ._networks._efficientnet_v2 import EfficientNetV2M as EfficientNetV2M
from ._networks._efficientnet_v2 import EfficientNetV2S as EfficientNetV2S

preprocess_input = _preprocess(None, "EfficientNetV2")
