"""`fk.datasets.fashion_mnist`: images of clothes."""

from ._small_images import load_fashion_mnist as _load_fashion_mnist

load_data = _load_fashion_mnist
