"""`fk.quantizers`: weights in few bits are made by `model.quantize`."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
