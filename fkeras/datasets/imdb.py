"""`keras.datasets.imdb`: importing it says how to do without."""

from .._keras_api import refuse_import

refuse_import(__name__)
