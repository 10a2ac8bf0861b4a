"""What evaluate and predict share: passes over a whole set, many batches a dispatch where that is fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.typing import Logs, PyTree
from .._batches._sources import Position
from .._step._logs import in_order

BEGIN = Position(0, 0)


def floats(logs: Logs, names: Sequence[str] = ("loss",)) -> dict[str, Any]:
    """Logs as Python floats, in the order of `names`."""
    arrays = in_order(jax.device_get(dict(logs)), names)
    return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in arrays.items()}


def window(data: PyTree, i: jax.Array, size: int, count: int) -> tuple[PyTree, jax.Array]:
    """`(rows, the first one's place)` of a batch; the last one ends with the data."""
    first = jnp.minimum(i * size, count - size)
    return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, first, size), data), first
