"""`fk.mixed_precision`: computing in half precision, an argument of layers and models."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
