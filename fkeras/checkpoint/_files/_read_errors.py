"""The types that libraries, h5py above all, raise for content that they cannot read."""

from __future__ import annotations

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
