"""`fk.preprocessing.text`: text as numbers, an older way; each name says which layer to use."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
