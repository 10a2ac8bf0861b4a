"""`fk.optimizers.legacy`: Keras 3 refuses these; each name says which optimizer to use."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
