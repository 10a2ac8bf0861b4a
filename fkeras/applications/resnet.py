"""`fk.applications.resnet`: ResNet, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._resnet import ResNet50 as ResNet50
from ._networks._resnet import ResNet101 as ResNet101
from ._networks._resnet import ResNet152 as ResNet152

preprocess_input = _preprocess("caffe", "ResNet")
