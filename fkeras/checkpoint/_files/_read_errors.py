"""What code that reads, h5py's included, raises for content that is not what it should be."""

from __future__ import annotations

from ...core import described as described

FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
)
