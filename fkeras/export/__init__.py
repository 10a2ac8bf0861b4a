"""`fk.export`: programs for elsewhere are written by `model.export`."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
