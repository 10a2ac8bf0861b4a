"""Checksums of arrays: what was saved beside each, and is compared when it is read."""

from __future__ import annotations

import hashlib

import numpy as np

from ...core.typing import Array
from ._spread_arrays import blocks


def digest(array: Array | np.ndarray) -> str:
    """SHA-256 of an array's bytes, wherever they lie; see `blocks` on those that several processes have."""
    found = hashlib.sha256()
    for block in blocks(array):
        found.update(_bytes_of(block))
    return found.hexdigest()


def digest_at(path: str, array: np.ndarray) -> str:
    """SHA-256 of an array's place, form and bytes: it does not fit an array that was moved or reshaped."""
    form = f"{path} {array.dtype.str} {array.shape} ".encode()
    return hashlib.sha256(form + hashlib.sha256(_bytes_of(array)).digest()).hexdigest()


def _bytes_of(array: Array | np.ndarray) -> memoryview:
    """An array's bytes in order, not copied where they lie so."""
    return np.ascontiguousarray(np.asarray(array)).reshape(-1).view(np.uint8).data
