"""fkeras: the Keras vocabulary on JAX and Flax, state first in, new state out.

Its parts are imported when they are first named. `__init__.pyi` says where from. A name that Keras has and fkeras has
not is answered with what to write here.
"""

import importlib

import lazy_loader

__version__ = "0.1.0"
_part, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name in __all__:
        return _part(name)
    return importlib.import_module("fkeras._keras_api").refuse(__name__, name)
