"""`fk.datasets.reuters`: newswires, as lists of words."""

from ._texts import load_reuters as _load_reuters
from ._texts import reuters_label_names as _reuters_label_names
from ._texts import reuters_word_index as _reuters_word_index

load_data = _load_reuters
get_word_index = _reuters_word_index
get_label_names = _reuters_label_names
