"""`fk.applications.vgg16`: VGG16, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._vgg import VGG16 as VGG16

preprocess_input = _preprocess("caffe", "VGG16")
