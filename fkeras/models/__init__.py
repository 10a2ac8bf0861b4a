"""`fk.models`: models, and how they are read and written."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
