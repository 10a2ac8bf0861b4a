"""JAX's own attention, on any platform and in any precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from ...core.typing import Array, ArrayLike, Bool, Float

#: The weighted sum as a function of query, key and value, each `(batch, time, heads, size)`.
Attention: TypeAlias = "Callable[..., jax.Array]"


def by_platform(on_cuda: Attention, elsewhere: Attention, *arrays: jax.Array, rocm: bool = False) -> jax.Array:
    """One of two functions, chosen when the program is lowered.

    A gradient keeps what either branch needs, also on the platform that never runs it. So that no GPU holds the other
    platforms' weights, `elsewhere` keeps its arguments alone.
    """
    more = {"rocm": on_cuda} if rocm else {}
    return lax.platform_dependent(*arrays, cuda=on_cuda, default=jax.checkpoint(elsewhere), **more)


def by_jax(
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    bias: Float[ArrayLike, "_ _ _ _"] | None = None,
    mask: Bool[ArrayLike, "_ _ _ _"] | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    chosen: bool = True,
) -> Float[Array, "batch targets heads size"]:
    """`jax.nn.dot_product_attention` by XLA's operations.

    Of float16 it asks XLA for the algorithm F16_F16_F32, which only GPUs have: elsewhere a program with it is refused
    when it is lowered. There all of it is in single precision, as a CPU's own sums of float16 are.

    Args:
        query, key, value, bias, mask, scale, is_causal: as JAX takes them.
        chosen: whether it may be chosen by platform; else float16 is in single precision everywhere.

    Returns:
        What each target gets, of the query's shape.
    """

    def attention(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        return jax.nn.dot_product_attention(
            q, k, v, bias=bias, mask=mask, scale=scale, is_causal=is_causal, implementation="xla"
        )

    def single(*arrays: jax.Array) -> jax.Array:
        return attention(*(a.astype(jnp.float32) for a in arrays)).astype(jnp.float16)

    if query.dtype != jnp.float16:
        return attention(query, key, value)
    if chosen and any(d.platform == "gpu" for d in jax.local_devices()):
        return by_platform(attention, single, query, key, value, rocm=True)
    return single(query, key, value)
