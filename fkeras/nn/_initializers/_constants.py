"""Zeros, ones, and constants."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, register
from ...core.typing import Array, ArrayLike, Config, DTypeLike, Key
from ._base import MODULE, CompiledInitializer, Initializer, Shape, standardised


class _Filled(Initializer):
    """Initializers of one number, which is an argument of their program: it is compiled once for all of them."""

    _value: ClassVar[int]

    def __call__(self, key: Key | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        shape, dtype = standardised(self, key, shape, dtype)
        return _filled(np.asarray(self._value, dtype), shape)


@functools.partial(jax.jit, static_argnums=1)
def _filled(value: ArrayLike, shape: tuple[int, ...]) -> Array:
    return jnp.full(shape, value)


@register(MODULE, aliases=("zeros", "zero"))
@dataclasses.dataclass(frozen=True)
class Zeros(_Filled):
    """All 0.

    >>> Zeros()(None, (3,))
    Array([0., 0., 0.], dtype=float32)

    Reference: https://keras.io/api/layers/initializers/#zeros-class
    """

    _value: ClassVar[int] = 0


@register(MODULE, aliases=("ones", "one"))
@dataclasses.dataclass(frozen=True)
class Ones(_Filled):
    """All 1.

    >>> Ones()(None, (3,), jnp.bfloat16)
    Array([1, 1, 1], dtype=bfloat16)

    Reference: https://keras.io/api/layers/initializers/#ones-class
    """

    _value: ClassVar[int] = 1


class ComparedByContent:
    """Equality and hash that look into array-valued fields."""

    def _content(self) -> tuple[object, ...]:
        return tuple(_content(getattr(self, f.name)) for f in dataclasses.fields(self))  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._content() == other._content()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self._content()))


def _content(value: object) -> object:
    """What an array holds, as a value that has a hash."""
    if isinstance(value, np.ndarray | jax.Array | list | tuple):
        array = np.asarray(value)
        return array.dtype.name, array.shape, array.tobytes()
    return value


@register(MODULE, aliases=("constant",))
@dataclasses.dataclass(frozen=True, eq=False)
class Constant(ComparedByContent, Initializer):
    """All `value`.

    Args:
        value: a number, or an array that broadcasts to the shape asked for (trained vectors for an `Embedding`).

    Raises:
        ValueError: on a call, for a shape that `value` does not broadcast to.

    >>> Constant(0.5)(None, (2, 2))
    Array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)

    Reference: https://keras.io/api/layers/initializers/#constant-class

    Differs from Keras, which documents numbers only and lets an array grow beyond the shape.
    """

    value: float | ArrayLike = 0.0

    # Not jitted: an array would be baked into the compiled program.
    def __call__(self, key: Key | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        shape, dtype = standardised(self, key, shape, dtype)
        value = jnp.asarray(self.value).astype(dtype)
        try:
            return jnp.broadcast_to(value, shape)
        except ValueError:
            raise ValueError(
                explain(
                    f"Constant holds a value of shape {value.shape}, which does not broadcast to {shape}.",
                    received=f"shape {shape}",
                    usually="the layer has other sizes than the array that was made for it.",
                    write="a layer whose weight has the array's shape, or Constant(0.5)",
                )
            ) from None


@register(MODULE, aliases=("identity", "IdentityInitializer"))
@dataclasses.dataclass(frozen=True)
class Identity(CompiledInitializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    Args:
        gain: the diagonal's value.

    Raises:
        ValueError: on a call, for a shape that is no matrix.

    >>> Identity(2.0)(None, (2, 3))
    Array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)

    Reference: https://keras.io/api/layers/initializers/#identity-class

    Differs from Keras, whose config forgets `gain`; here it is written where it is not 1.
    """

    gain: float = 1.0

    def get_config(self) -> Config:
        return {} if self.gain == 1 else super().get_config()

    def _make(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        if len(shape) != 2:
            raise ValueError(
                explain(
                    f"Identity makes matrices, but the shape has {len(shape)} dimensions.",
                    received=f"shape {shape}",
                    usually="it is the initializer of a bias or of a convolution's kernel.",
                    write="fk.initializers.Orthogonal() for a kernel, 'zeros' for a bias",
                )
            )
        return (self.gain * jnp.eye(*shape, dtype=dtype)).astype(dtype)
