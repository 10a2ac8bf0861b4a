"""The typed keys of what a user hands to `init` and `apply`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from ._errors import explain


def as_key(rngs: Any) -> jax.Array:
    """A typed key.

    Args:
        rngs: a key, typed or raw data (`jax.random.PRNGKey`); a seed, which may be a traced one; or Linen's
            `{"params": key, …}`.

    Returns:
        The key.

    Raises:
        ValueError: none of those.

    >>> as_key(3) == as_key(jax.random.PRNGKey(3))
    Array(True, dtype=bool)
    >>> jax.vmap(as_key)(jnp.arange(4))[3] == as_key(3)
    Array(True, dtype=bool)
    """
    if isinstance(rngs, Mapping):
        rngs = rngs.get("params", next(iter(rngs.values()), None))
    if isinstance(rngs, int | np.integer) and not isinstance(rngs, bool):
        return jax.random.key(rngs)
    dtype = getattr(rngs, "dtype", np.dtype(object))
    if jnp.issubdtype(dtype, jnp.integer) and not np.shape(rngs):  # a seed under `vmap` or `jit`
        return jax.random.key(rngs)
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return cast(jax.Array, rngs)
    if dtype == np.uint32 and np.shape(rngs)[-1:] == _words():
        return jax.random.wrap_key_data(rngs)
    raise ValueError(
        explain(
            "`init` needs a random key.",
            received=repr(rngs)[:200],
            usually="an input came first, or the raw data of a key that is not of JAX's default generator.",
            write="model.init(jax.random.key(0)), or trainer.init(0)",
        )
    )


def as_rngs(rngs: Any) -> Any:
    """Keys as Linen takes them, one or by stream, with a seed wherever one may be.

    Args:
        rngs: a key or a seed, `{"dropout": key or seed, …}`, or `None`; Linen refuses what is neither.

    Returns:
        The same with keys in place of the seeds.

    >>> as_rngs({"dropout": 3})["dropout"] == jax.random.key(3)
    Array(True, dtype=bool)
    """
    if isinstance(rngs, Mapping):
        return {name: as_rngs(one) for name, one in rngs.items()}
    is_seed = jnp.issubdtype(getattr(rngs, "dtype", np.dtype(object)), jnp.integer) and not np.shape(rngs)
    return as_key(rngs) if is_seed or (isinstance(rngs, int) and not isinstance(rngs, bool)) else rngs


def _words() -> tuple[int, ...]:
    """The shape of the default generator's keys as raw data."""
    data: jax.ShapeDtypeStruct = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0)))
    return tuple(data.shape)
