"""`fk.applications.imagenet_utils`: what stands before a network and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess_input as preprocess_input
