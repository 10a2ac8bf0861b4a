"""Keras 1 and 2 had a file of noise here; what is imported of it is answered."""

from .._keras_api import refuse_import

refuse_import(__name__)
