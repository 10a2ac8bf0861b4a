"""Random numbers of a shape, drawn by programs that are compiled as rarely as possible."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from ...core.typing import Array, ArrayLike, Key

# Up to this many numbers, a weight is drawn as a vector and cut to its shape; the shortest vector has the second.
_LARGEST_FLAT = 2**22
_SHORTEST_FLAT = 2**14


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _sample(law: str, key: Key, shape: tuple[int, ...], dtype: np.dtype, a: ArrayLike, b: ArrayLike) -> Array:
    """Numbers of one law; `a` and `b` are arguments of the program, which is compiled once for all of them."""
    match law:
        case "uniform":
            return jax.random.uniform(key, shape, dtype, a, b)
        case "normal":
            return jax.random.normal(key, shape, dtype) * a + b
        case _:
            return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * a + b


@functools.partial(jax.jit, static_argnums=1)
def _cut(flat: Array, shape: tuple[int, ...]) -> Array:
    return flat[: math.prod(shape)].reshape(shape)


def draw(law: str, key: Key, shape: tuple[int, ...], dtype: np.dtype, a: float, b: float) -> Array:
    """What `_sample` of this shape draws, compiled as rarely as possible.

    The generator compiles slowly on CPU, and a network has dozens of shapes. A partitionable threefry gives number
    `i` from the key and `i` alone, so a short draw is the beginning of a longer one: vectors of few lengths are drawn
    and cut. They are under a trace too, because a model's weights are traced once when the model is described, and
    then made one by one.

    Args:
        law: `"uniform"`, `"normal"` or `"truncated_normal"`.
        key: the key to draw with.
        shape: how many numbers along each axis.
        dtype: the numbers' dtype.
        a, b: the bounds of a uniform law; else the standard deviation and the mean.

    Returns:
        An array of the shape.
    """
    size = math.prod(shape)
    if size > _LARGEST_FLAT or not _is_partitionable_threefry(key):
        return _sample(law, key, shape, dtype, a, b)
    length = _SHORTEST_FLAT
    while length < size:
        length *= 4
    return _cut(_sample(law, key, (length,), dtype, a, b), shape)


def _is_partitionable_threefry(key: Key) -> bool:
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    impl = str(jax.random.key_impl(key)) if typed else str(jax.config.jax_default_prng_impl)  # type: ignore[attr-defined]
    return impl == "threefry2x32" and bool(jax.config.jax_threefry_partitionable)  # type: ignore[attr-defined]
