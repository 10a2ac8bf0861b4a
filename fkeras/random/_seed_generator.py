"""A stream of random keys as a value."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Layer, explain
from ..core.typing import Config, Int, Key


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SeedGenerator:
    """A stream of keys: `next` gives a key, and the generator of those that follow. A pytree, and never changed.

    Attributes:
        seed: a whole number from 0 to 2³² - 1.
        drawn: how many keys came before.

    Raises:
        ValueError: another seed, or none.

    >>> generator = SeedGenerator(1337)
    >>> key, generator = generator.next()
    >>> generator
    SeedGenerator(seed=1337, drawn=1)
    >>> import fkeras as fk
    >>> fk.random.normal(key, (2,)).shape
    (2,)

    In a layer that has one as an attribute, `fk.random.normal(shape, seed=self.seed_generator)` draws as in Keras: from
    the layer's stream of random numbers, which is another in each step, folded with the seed.

    Reference: https://keras.io/api/random/seed_generator/
    The keys are those of Keras's generator of the same seed, and so are the numbers drawn with them. Unlike Keras's,
    which changes at each draw, it needs a seed: there is no other source of one.
    """

    seed: Any = None  # of numbers, until JAX puts a tracer in their place
    drawn: Any = 0

    def __post_init__(self) -> None:
        known = isinstance(self.seed, int | np.integer) and not isinstance(self.seed, bool)
        if (known and not 0 <= self.seed < 2**32) or isinstance(self.seed, bool | float | str | None):
            raise ValueError(
                explain(
                    "A SeedGenerator needs a seed from 0 to 2**32 - 1.",
                    received=repr(self.seed),
                    usually="Keras draws one where none is given; here nothing is drawn without a seed.",
                    write="fk.random.SeedGenerator(1337)",
                )
            )

    def next(self) -> tuple[Key, SeedGenerator]:
        """A key that was not given before, and the generator of those that follow.

        Returns:
            `(key, generator)`.
        """
        words: Int[jax.Array, 2] = jnp.stack([jnp.uint32(self.seed), jnp.uint32(self.drawn)])
        key = jax.random.wrap_key_data(words, impl="threefry2x32")
        return key, dataclasses.replace(self, drawn=self.drawn + 1)

    def _bound_to_layer(self, layer: Layer) -> LayerSeeds:
        """The generator as it is while a layer runs that has it as an attribute."""
        return LayerSeeds(self.seed, self.drawn, layer)

    def get_config(self) -> Config:
        """The seed, as Keras writes it."""
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config: Config) -> SeedGenerator:
        """The generator that `get_config` or Keras's wrote."""
        return cls(config["seed"])


@dataclasses.dataclass(frozen=True)
class LayerSeeds(SeedGenerator):
    """A generator of a layer that runs: it draws from the layer's stream, so that each step and each draw has a key.

    Attributes:
        layer: the layer, bound to its variables and keys.
    """

    layer: Layer | None = dataclasses.field(default=None, compare=False, repr=False)

    def key(self) -> Key:
        """The next key of the layer's stream, folded with the seed.

        Raises:
            flax.errors.InvalidRngError: the call was given no key; `apply` says what to write.
        """
        assert self.layer is not None
        return jax.random.fold_in(self.layer.make_rng("dropout"), self.seed)
