"""`fk.legacy`: names of Keras 2."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
