"""`fk.applications.inception_v3`: InceptionV3, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._inception_v3 import InceptionV3 as InceptionV3

preprocess_input = _preprocess("tf", "InceptionV3")
