"""`fk.legacy`: names of Keras 2."""

from . import saving as saving
