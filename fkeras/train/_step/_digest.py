"""A digest of a state: one number that follows from all of its bits."""

from __future__ import annotations

import math
import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core import plain_path_name
from ...core.typing import Array, PyTree

# Two odd constants of the 32-bit finaliser of MurmurHash3, and the odd number nearest to 2**32 over the golden ratio.
_FIRST, _SECOND, _GOLDEN = 0x85EBCA6B, 0xC2B2AE35, 0x9E3779B1


@jax.jit
def digest(state: PyTree) -> jax.Array:
    """A number that tells states apart: of all bits of all leaves, computed where the leaves lie.

    It is the sum, modulo 2**32, of one number for each 32-bit word of the state:

        digest = Σ mix(word ^ mix(place)),   mix: a one-to-one mapping of 32-bit numbers,

    where the place follows from the leaf's path and from the word's index in its leaf. Sums of integers do not depend
    on their order, so neither does the digest depend on the devices that hold the parts. Equal states have equal
    digests. States that differ in one word, by one bit or several, never have, as `mix` is one-to-one; states that
    differ in more have equal ones by chance, about once in 2**32 pairs.

    Args:
        state: a `TrainState`, or any pytree of arrays; under `jax.vmap` one member of many.

    Returns:
        uint32 of shape ().

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> state, other = trainer.init(0), trainer.init(1)
    >>> int(fk.train.digest(state)) == int(fk.train.digest(trainer.init(0)))
    True
    >>> int(fk.train.digest(state)) == int(fk.train.digest(other))
    False

    Reference: the finaliser of MurmurHash3, https://github.com/aappleby/smhasher
    """
    total = jnp.uint32(0)
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        salt = zlib.crc32(plain_path_name(path).encode())
        for k, words in enumerate(_words(leaf)):
            place = _places(words.shape) * np.uint32(_GOLDEN) + np.uint32((salt + k * _SECOND) % 2**32)
            total += jnp.sum(_mix(words ^ _mix(place)), dtype=jnp.uint32)
    return total


def _mix(x: jax.Array) -> jax.Array:
    """MurmurHash3's finaliser: each input bit changes about half of the output's bits, and no two inputs meet."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(_FIRST)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(_SECOND)
    return x ^ (x >> np.uint32(16))


def _places(shape: tuple[int, ...]) -> jax.Array:
    """The index of each number of an array, counted in the order of its rows, without moving a number of it."""
    found = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape)):
        stride = np.uint32(math.prod(shape[axis + 1 :]) % 2**32)
        found += lax.broadcasted_iota(jnp.uint32, shape, axis) * stride
    return found


def _words(leaf: Array) -> list[jax.Array]:
    """The bits of an array as arrays of 32-bit words of its shape: two of them for a number of 64 bits."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    leaf = jnp.asarray(leaf)
    if leaf.dtype == jnp.bool_:
        return [leaf.astype(jnp.uint32)]
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        return [*_words(leaf.real), *_words(leaf.imag)]
    is_integer = jnp.issubdtype(leaf.dtype, jnp.integer)
    bits = jnp.iinfo(leaf.dtype).bits if is_integer else jnp.finfo(leaf.dtype).bits
    if bits == 64:
        halves = lax.bitcast_convert_type(leaf, jnp.uint32)
        return [halves[..., 0], halves[..., 1]]
    return [lax.bitcast_convert_type(leaf, f"uint{bits}").astype(jnp.uint32)]
