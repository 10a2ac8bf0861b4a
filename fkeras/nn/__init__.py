"""What a model is made of: the layer catalogue.

A hundred and seventy classes, each of which takes a millisecond to make, so each is imported when it is first named.
`__init__.pyi` says where from.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
