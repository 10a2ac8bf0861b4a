"""`fk.applications.inception_resnet_v2`: InceptionResNetV2, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._inception_resnet_v2 import CustomScaleLayer as CustomScaleLayer
from ._networks._inception_resnet_v2 import InceptionResNetV2 as InceptionResNetV2

preprocess_input = _preprocess("tf", "InceptionResNetV2")
