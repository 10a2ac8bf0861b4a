"""`fk.legacy.saving`: configs of Keras 2; each name says what Keras 3 has."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
