"""`fk.datasets.digits`: the small handwritten digits that come with scikit-learn."""

from ._small_images import load_digits as _load_digits

load_data = _load_digits
