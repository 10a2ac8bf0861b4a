"""`fk.applications`: trained networks; those of text are built in, and other names say how they are read from Keras."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
