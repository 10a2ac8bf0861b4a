"""`fk.config`: the defaults of arguments; there is no switch for all of a program, so there is nothing to set."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
