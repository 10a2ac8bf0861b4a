"""`fk.layers`: `fk.nn` under the name that Keras has for it."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
