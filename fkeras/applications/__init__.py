"""`fk.applications`: trained networks; none is built in, so each name says how one is read from a file of Keras."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
