"""`fk.datasets`: known data sets; none is built in, so each name says how one is had."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
