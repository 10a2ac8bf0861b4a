"""What evaluate and predict share: passes over a whole set, many batches a dispatch where that is fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._batches._sources import Position

BEGIN = Position(0, 0)


def floats(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs as Python floats, the loss first."""
    arrays = jax.device_get(dict(logs))
    arrays = {**{k: arrays[k] for k in ("loss",) if k in arrays}, **arrays}  # jit sorts the keys
    return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in arrays.items()}


def window(data: Any, i: Any, size: int, count: int) -> tuple[Any, Any]:
    """`(rows, the first one's place)` of a batch; the last one ends with the data."""
    first = jnp.minimum(i * size, count - size)
    return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, first, size), data), first
