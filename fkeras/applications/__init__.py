"""`fk.applications`: networks that are trained already: those of `keras.applications`, and some for text."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
