"""`fk.distribution`: where arrays lie; each name says which of JAX to use."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
