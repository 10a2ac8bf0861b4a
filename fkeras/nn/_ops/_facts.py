"""Facts of arrays and symbolic tensors, for which no node is recorded."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from ...core import SymbolicTensor, dtype_name
from ...core.typing import Shape
from ._types import Table


def shape(x: object) -> Shape:
    """The shape; `None` where a symbolic tensor's dimension is unknown."""
    return tuple(x.shape) if isinstance(x, SymbolicTensor) else np.shape(x)  # type: ignore[call-overload]


def dtype(x: object) -> str:
    """The dtype's name."""
    if isinstance(x, SymbolicTensor):
        return dtype_name(x.dtype)
    return jnp.dtype(getattr(x, "dtype", None) or np.asarray(x).dtype).name


def is_tensor(x: object) -> bool:
    """Whether `x` is an array of JAX."""
    return isinstance(x, jax.Array)


def convert_to_numpy(x: object) -> np.ndarray:
    """An array on the host."""
    return np.asarray(x)


OWN: Table = {f.__name__: f for f in (shape, dtype, is_tensor, convert_to_numpy)}
