"""`fk.datasets.mnist`: images of handwritten digits."""

from ._small_images import load_mnist as _load_mnist

load_data = _load_mnist
