"""What initializers share: the base class, how they are called, and the checks of their arguments."""

from __future__ import annotations

import dataclasses
import functools
import numbers
from collections.abc import Sequence
from typing import Self, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Configured, explain, register
from ...core.typing import Array, DTypeLike, Key

MODULE = "keras.initializers"

#: Sizes, all of them known.
Shape: TypeAlias = Sequence[int]


@register(MODULE, aliases=("initializer",))
@register("keras")
@dataclasses.dataclass(frozen=True, eq=False)
class Initializer(Configured):
    """Base of the initializers. Your own overrides `__call__(self, key, shape, dtype)`.

    A frozen dataclass gets its config, equality and hash from its fields. A class with its own `__init__`
    (Keras's way) works too, and needs its own `get_config`.

    >>> import dataclasses, math
    >>> @dataclasses.dataclass(frozen=True)
    ... class Ramp(Initializer):
    ...     step: float = 1.0
    ...
    ...     def __call__(self, key, shape, dtype=jnp.float32):
    ...         return self.step * jnp.arange(math.prod(shape), dtype=dtype).reshape(shape)
    >>> print(Ramp(0.5)(None, (3,)), Ramp(0.5).get_config())
    [0.  0.5 1. ] {'step': 0.5}

    Reference: https://keras.io/api/layers/initializers/

    Differs from Keras: the key comes first, `init(key, shape, dtype)`, where Keras calls `init(shape, dtype)` and
    draws from a hidden seed.
    """

    def __call__(self, key: Key | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        """An array of `shape` and `dtype`.

        Args:
            key: a JAX random key; may be `None` where nothing is drawn from it.
            shape: the array's shape; an integer for a vector.
            dtype: the array's dtype.

        Returns:
            The array.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not say how to make an array.",
                usually="a subclass of Initializer without a __call__ method.",
                write="def __call__(self, key, shape, dtype=jnp.float32): return ...",
            )
        )

    def clone(self) -> Self:
        """The same initializer: it is a value, and uses up no seed that a copy would have to have anew."""
        return self


class CompiledInitializer(Initializer):
    """Initializers without randomness, whose `_make` is traced and compiled once for each shape and dtype."""

    def __call__(self, key: Key | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        return _compiled(self, *standardised(self, key, shape, dtype))

    def _make(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """The array; each class writes its own."""
        raise NotImplementedError


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _compiled(initializer: CompiledInitializer, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    return initializer._make(shape, dtype)


def standardised(
    initializer: Initializer, key: Key | None, shape: Shape | int, dtype: DTypeLike | None
) -> tuple[tuple[int, ...], np.dtype]:
    """A shape and a dtype that have a hash; an error for a call in Keras's argument order."""
    if isinstance(key, tuple | list) or isinstance(shape, str):
        name = type(initializer).__name__
        raise TypeError(
            explain(
                f"{name} is called with a random key, a shape and a dtype, in this order.",
                received=f"key={key!r}, shape={shape!r}",
                usually="a call from Keras, whose initializers take (shape, dtype).",
                write=f"{name}()(jax.random.key(0), shape, dtype)",
            )
        )
    shape = (shape,) if isinstance(shape, numbers.Integral) else tuple(shape)  # type: ignore[assignment, arg-type]
    return shape, jax.dtypes.canonicalize_dtype(jnp.float32 if dtype is None else dtype)  # type: ignore[return-value]


def at_least_float32(dtype: np.dtype) -> np.dtype:
    """The dtype to compute in: float32 for half precision."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype


def check_choice(initializer: Initializer, name: str, choices: tuple[str | None, ...]) -> None:
    """Refuse a field whose value is none of the known ones."""
    value = getattr(initializer, name)
    if not (value is None or isinstance(value, str)) or value not in choices:
        kind = type(initializer).__name__
        raise ValueError(
            explain(
                f"{kind} got {name}={value!r}, which is none of {', '.join(map(repr, choices))}.",
                received=repr(value),
                write=f"{kind}({name}={choices[0]!r})",
            )
        )
