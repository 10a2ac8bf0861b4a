"""`fk.visualization`: pictures of models, of training and of data."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
