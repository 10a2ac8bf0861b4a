"""`fk.applications.resnet50`: ResNet50, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._resnet import ResNet50 as ResNet50

preprocess_input = _preprocess("caffe", "ResNet50")
