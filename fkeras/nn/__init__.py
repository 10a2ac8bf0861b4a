"""What a model is made of: the layer catalogue.

A hundred and seventy classes, each of which takes a millisecond to make, so each is imported when it is first named.
`__init__.pyi` says where from. A name that is not here is answered, as in the parts of Keras's names.
"""

import importlib

import lazy_loader

_part, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name in __all__:
        return _part(name)
    return importlib.import_module("fkeras._keras_api").refuse(__name__, name)
