"""ArrayVariable: what holds an array, reads like it, and has Keras's `assign`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..typing import ArrayLike
from ._operators import OPERATORS, ArrayOperators, Operand

_FUNCTIONS = dict(OPERATORS.values())


class ArrayVariable(ArrayOperators[jax.Array]):
    """A variable inside a method that is run for its values: read it like an array, change it with `assign`.

    A class that derives from it says where the array is, and what `assign` does with a new one.
    """

    @property
    def value(self) -> jax.Array:
        """The array."""
        raise NotImplementedError

    def assign(self, value: ArrayLike) -> jax.Array:
        """Set the value; returns the new one."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(self.value.shape)

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def numpy(self) -> np.ndarray:
        """The array on the host; not under `jit`."""
        return np.asarray(self.value)

    def assign_add(self, value: ArrayLike) -> jax.Array:
        """Add to the value; returns the new one."""
        return self.assign(self.value + jnp.asarray(value))

    def assign_sub(self, value: ArrayLike) -> jax.Array:
        """Subtract from the value; returns the new one."""
        return self.assign(self.value - jnp.asarray(value))

    def _operate(self, op: str, *operands: Operand) -> jax.Array:
        return _FUNCTIONS[op](*map(array_of, operands))

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or not hasattr(jnp, function.__name__):
            return NotImplemented
        return getattr(jnp, function.__name__)(*map(array_of, inputs))

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __getitem__(self, key: Any) -> jax.Array:
        return self.value[key]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[jax.Array]:
        return iter(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __float__(self) -> float:
        return float(self.value)


def array_of(value: Any) -> Any:
    """The array of a variable; any other value as it is."""
    return value.value if isinstance(value, ArrayVariable) else value
