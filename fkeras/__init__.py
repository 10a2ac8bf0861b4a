"""fkeras: the Keras vocabulary on JAX and Flax, state first in, new state out.

Its parts are imported when they are first named. `__init__.pyi` says where from.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
