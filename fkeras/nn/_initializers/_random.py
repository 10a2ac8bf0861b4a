"""Random numbers from one distribution, whatever the weight's shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, register
from ...core.typing import Array, Config, CustomObjects, DTypeLike, Key
from ._base import MODULE, Initializer, Shape, standardised
from ._drawing import draw


class RandomInitializer(Initializer):
    """Initializers that draw; `seed` is a field of each, at Keras's place among its arguments."""

    seed: int | None

    def __post_init__(self) -> None:
        if isinstance(self.seed, np.integer):
            object.__setattr__(self, "seed", int(self.seed))
        if self.seed is not None and not isinstance(self.seed, int):
            name = type(self).__name__
            raise ValueError(
                explain(
                    f"{name} got a seed of type {type(self.seed).__name__}, but it must be an int or None.",
                    received=repr(self.seed)[:80],
                    usually="a JAX key belongs in the call; a Keras SeedGenerator is hidden state, "
                    "which a pure function cannot keep.",
                    write=f"{name}()(key, shape)",
                )
            )
        for field in dataclasses.fields(self):  # scalar arrays have no hash
            value = getattr(self, field.name)
            if isinstance(value, np.generic | np.ndarray | jax.Array):
                object.__setattr__(self, field.name, value.item())

    def __call__(self, key: Key | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        if not jnp.issubdtype(jnp.float32 if dtype is None else dtype, jnp.inexact):
            name = type(self).__name__
            raise TypeError(
                explain(
                    f"{name} draws floating point numbers, not {np.dtype(dtype).name}.",
                    received=f"dtype {np.dtype(dtype).name}",
                    usually="the layer's dtype is an integer, or shape and dtype are swapped.",
                    write=f"{name}()(key, shape, jnp.float32)",
                )
            )
        shape, dtype = standardised(self, key, shape, dtype)
        return self._make(self._key(key), shape, dtype)

    def _make(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """The array; each class writes its own."""
        raise NotImplementedError

    def _key(self, key: Key | None) -> Key:
        """The key to draw with: that of the seed, if there is one."""
        if self.seed is not None:
            # Keras makes its threefry key of the words (seed, 0); jax.random.key(seed) has (0, seed).
            words = np.array([self.seed & 0xFFFFFFFF, 0], np.uint32)
            # the barrier keeps XLA from drawing while it compiles, which takes minutes for a large weight
            return jax.random.wrap_key_data(jax.lax.optimization_barrier(jnp.asarray(words)), impl="threefry2x32")
        if key is None:
            name = type(self).__name__
            raise ValueError(
                explain(
                    f"{name} has no seed, so it needs a key to draw from.",
                    usually="None was passed for the key.",
                    write=f"{name}()(jax.random.key(0), shape)   # or {name}(seed=0)",
                )
            )
        return key

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        # A Keras SeedGenerator draws anew on each call. So does no seed, with its key.
        if isinstance(config.get("seed"), Mapping):
            config = {**config, "seed": None}
        return super().from_config(config, custom_objects)


@register(MODULE, aliases=("random_normal", "normal"))
@dataclasses.dataclass(frozen=True)
class RandomNormal(RandomInitializer):
    """Normal distribution.

    Args:
        mean: its mean.
        stddev: its standard deviation; Keras's default is 0.05, that of `jax.nn.initializers.normal` 0.01.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    >>> print(f"{RandomNormal(stddev=2.0)(jax.random.key(0), (10_000,)).std():.1f}")
    2.0

    Reference: https://keras.io/api/layers/initializers/#randomnormal-class
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def _make(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        return draw("normal", key, shape, dtype, self.stddev, self.mean)


@register(MODULE, aliases=("truncated_normal",))
@dataclasses.dataclass(frozen=True)
class TruncatedNormal(RandomInitializer):
    """Normal distribution cut off two standard deviations from its mean.

    Args:
        mean: its mean.
        stddev: its standard deviation before the cut; after it, 0.88 times that.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    >>> print(f"{abs(TruncatedNormal(stddev=1.0)(jax.random.key(0), (10_000,))).max():.1f}")
    2.0

    Reference: https://keras.io/api/layers/initializers/#truncatednormal-class
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def _make(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        return draw("truncated_normal", key, shape, dtype, self.stddev, self.mean)


@register(MODULE, aliases=("random_uniform", "uniform"))
@dataclasses.dataclass(frozen=True)
class RandomUniform(RandomInitializer):
    """Uniform distribution on `[minval, maxval)`.

    Args:
        minval: lower bound, included.
        maxval: upper bound, excluded.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    >>> print(f"{RandomUniform(0.0, 1.0)(jax.random.key(0), (10_000,)).mean():.1f}")
    0.5

    Reference: https://keras.io/api/layers/initializers/#randomuniform-class
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def _make(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        return draw("uniform", key, shape, dtype, self.minval, self.maxval)
