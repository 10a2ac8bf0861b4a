"""`fk.preprocessing`: data that is prepared before a model sees it."""

from ..utils import timeseries_dataset_from_array as timeseries_dataset_from_array
from . import image as image
from . import sequence as sequence
from . import text as text
