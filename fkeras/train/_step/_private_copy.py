"""Copies that nobody else holds, whose memory a step may take."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.typing import PyTree


@jax.jit
def private(state: PyTree) -> PyTree:
    """A copy that nobody else holds, each leaf a buffer of its own."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True) if _is_plain(leaf) else leaf.copy(), state)


def _is_plain(leaf: Any) -> bool:
    return not jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)
