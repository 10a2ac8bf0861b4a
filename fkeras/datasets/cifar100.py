"""`fk.datasets.cifar100`: small images in a hundred classes."""

from ._cifar import load_cifar100 as _load_cifar100

load_data = _load_cifar100
