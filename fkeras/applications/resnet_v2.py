"""`fk.applications.resnet_v2`: ResNetV2, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._resnet import ResNet50V2 as ResNet50V2
from ._networks._resnet import ResNet101V2 as ResNet101V2
from ._networks._resnet import ResNet152V2 as ResNet152V2

preprocess_input = _preprocess("tf", "ResNetV2")
