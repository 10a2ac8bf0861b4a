"""`fk.utils.bounding_boxes`: boxes in images; each name says what to write."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
