"""Keras's namespaces: how their names are found here, and what is answered where a name has no equal.

`_attach` is all that a module needs to be imported; `_answers` is imported when something is missing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
