"""`fk.applications.densenet`: DenseNet, with what stands before it and behind it."""

from ._images._classes import decode_predictions as decode_predictions
from ._images._pixels import preprocess as _preprocess
from ._networks._densenet import DenseNet121 as DenseNet121
from ._networks._densenet import DenseNet169 as DenseNet169
from ._networks._densenet import DenseNet201 as DenseNet201

preprocess_input = _preprocess("torch", "DenseNet")
