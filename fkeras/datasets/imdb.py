"""`fk.datasets.imdb`: reviews of films, as lists of words."""

from ._texts import imdb_word_index as _imdb_word_index
from ._texts import load_imdb as _load_imdb

load_data = _load_imdb
get_word_index = _imdb_word_index
