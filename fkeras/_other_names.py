"""Top-level names that Keras has for what is called otherwise here."""

from __future__ import annotations

from . import __version__
from .core import SymbolicTensor as KerasTensor

__all__ = ["KerasTensor", "version"]


def version() -> str:
    """The version of fkeras, which is `fk.__version__`.

    >>> version().count(".")
    2
    """
    return __version__
