"""`fk.datasets.cifar10`: small images in ten classes."""

from ._cifar import load_cifar10 as _load_cifar10

load_data = _load_cifar10
