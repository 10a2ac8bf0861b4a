"""`fk.datasets`: known data sets, read from Keras's cache; `download` puts them there, once and when it is called."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
