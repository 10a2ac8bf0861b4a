"""`fk.preprocessing`: data that is prepared before a model sees it."""

from . import image as image
from . import sequence as sequence
from . import text as text
