"""`fk.backend`: facts about dtypes and tensors; the functions of arrays are in `fk.ops`."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
