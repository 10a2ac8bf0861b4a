"""Sizes of the arrays that a module's types describe."""

from __future__ import annotations

import re

from jax.interpreters import mlir


def bytes_of(kind: mlir.ir.Type) -> int:
    """How many bytes an array of a type takes, those of unknown sizes left out."""
    if not isinstance(kind, mlir.ir.RankedTensorType):
        return 0
    size = 1
    for i in range(kind.rank):
        size *= 1 if kind.is_dynamic_dim(i) else max(kind.get_dim_size(i), 1)
    element = str(kind.element_type)
    bits = re.search(r"\d+", element)
    return size * int(bits[0] if bits else 64) * (2 if element.startswith("complex") else 1) // 8


def shape_of(kind: mlir.ir.Type) -> tuple[int, ...] | None:
    """An array's shape; `None` where a size is open."""
    if not isinstance(kind, mlir.ir.RankedTensorType) or not kind.has_static_shape:
        return None
    return tuple(kind.shape)


def open_shape_of(kind: mlir.ir.Type) -> tuple[tuple[int | None, ...], str]:
    """An array's shape, `None` for a size that is open, and its elements' type."""
    if not isinstance(kind, mlir.ir.RankedTensorType):
        return (), str(kind)
    shape = tuple(None if kind.is_dynamic_dim(i) else kind.get_dim_size(i) for i in range(kind.rank))
    return shape, str(kind.element_type)
