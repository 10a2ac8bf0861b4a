"""`fk.wrappers`: models as scikit-learn estimators; each name says what to write."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
