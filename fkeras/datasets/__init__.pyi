"""`fk.datasets`: known data sets, read from Keras's cache; `download` puts them there, once and when it is called."""

from . import boston_housing as boston_housing
from . import california_housing as california_housing
from . import cifar10 as cifar10
from . import cifar100 as cifar100
from . import digits as digits
from . import fashion_mnist as fashion_mnist
from . import imdb as imdb
from . import mnist as mnist
from . import reuters as reuters
from ._files import download as download
