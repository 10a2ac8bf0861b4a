"""`fk.distillation`: a small model that learns from a large one; each name says how that is written."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
