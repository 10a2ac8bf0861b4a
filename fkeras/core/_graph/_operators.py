"""Python's operators, written once for what stands in for an array.

A symbolic tensor records them; a non-trainable weight inside `call` computes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from ..typing import ArrayLike

Result = TypeVar("Result")
#: What may stand beside such an object: an array, a number, or another of its kind.
Operand: TypeAlias = "ArrayLike | ArrayOperators[Any]"

#: The names of Keras's ops, and the functions of arrays, for the operators of Python.
OPERATORS: dict[str, tuple[str, Callable[..., jax.Array]]] = {
    "add": ("add", jnp.add),
    "sub": ("subtract", jnp.subtract),
    "mul": ("multiply", jnp.multiply),
    "truediv": ("true_divide", jnp.true_divide),
    "floordiv": ("floor_divide", jnp.floor_divide),
    "mod": ("mod", jnp.mod),
    "pow": ("power", jnp.power),
    "matmul": ("matmul", jnp.matmul),
    "and": ("logical_and", jnp.logical_and),
    "or": ("logical_or", jnp.logical_or),
    "xor": ("logical_xor", jnp.logical_xor),
    "lt": ("less", jnp.less),
    "le": ("less_equal", jnp.less_equal),
    "gt": ("greater", jnp.greater),
    "ge": ("greater_equal", jnp.greater_equal),
    "eq": ("equal", jnp.equal),
    "ne": ("not_equal", jnp.not_equal),
    "neg": ("negative", jnp.negative),
    "abs": ("absolute", jnp.abs),
    "invert": ("logical_not", jnp.logical_not),
}


class ArrayOperators(Generic[Result]):
    """`x + y`, `-x`, `x < y`, … for a class that says what an op of `OPERATORS` is on its instances."""

    __slots__ = ()

    def _operate(self, op: str, *operands: Operand) -> Result:
        """The result of the op with this name; the operands are this object and what stands beside it, in order."""
        raise NotImplementedError

    def __add__(self, other: Operand) -> Result:
        return self._operate("add", self, other)

    def __radd__(self, other: Operand) -> Result:
        return self._operate("add", other, self)

    def __sub__(self, other: Operand) -> Result:
        return self._operate("subtract", self, other)

    def __rsub__(self, other: Operand) -> Result:
        return self._operate("subtract", other, self)

    def __mul__(self, other: Operand) -> Result:
        return self._operate("multiply", self, other)

    def __rmul__(self, other: Operand) -> Result:
        return self._operate("multiply", other, self)

    def __truediv__(self, other: Operand) -> Result:
        return self._operate("true_divide", self, other)

    def __rtruediv__(self, other: Operand) -> Result:
        return self._operate("true_divide", other, self)

    def __floordiv__(self, other: Operand) -> Result:
        return self._operate("floor_divide", self, other)

    def __rfloordiv__(self, other: Operand) -> Result:
        return self._operate("floor_divide", other, self)

    def __mod__(self, other: Operand) -> Result:
        return self._operate("mod", self, other)

    def __rmod__(self, other: Operand) -> Result:
        return self._operate("mod", other, self)

    def __pow__(self, other: Operand) -> Result:
        return self._operate("power", self, other)

    def __rpow__(self, other: Operand) -> Result:
        return self._operate("power", other, self)

    def __matmul__(self, other: Operand) -> Result:
        return self._operate("matmul", self, other)

    def __rmatmul__(self, other: Operand) -> Result:
        return self._operate("matmul", other, self)

    def __and__(self, other: Operand) -> Result:
        return self._operate("logical_and", self, other)

    def __rand__(self, other: Operand) -> Result:
        return self._operate("logical_and", other, self)

    def __or__(self, other: Operand) -> Result:
        return self._operate("logical_or", self, other)

    def __ror__(self, other: Operand) -> Result:
        return self._operate("logical_or", other, self)

    def __xor__(self, other: Operand) -> Result:
        return self._operate("logical_xor", self, other)

    def __rxor__(self, other: Operand) -> Result:
        return self._operate("logical_xor", other, self)

    # Python mirrors comparisons itself, so there are no reflected ones.
    def __lt__(self, other: Operand) -> Result:
        return self._operate("less", self, other)

    def __le__(self, other: Operand) -> Result:
        return self._operate("less_equal", self, other)

    def __gt__(self, other: Operand) -> Result:
        return self._operate("greater", self, other)

    def __ge__(self, other: Operand) -> Result:
        return self._operate("greater_equal", self, other)

    def __eq__(self, other: Operand) -> Result:  # type: ignore[override]  # elementwise, as an array's
        return self._operate("equal", self, other)

    def __ne__(self, other: Operand) -> Result:  # type: ignore[override]
        return self._operate("not_equal", self, other)

    # What `==` compares is an array's values, so instances stay usable as keys and in sets by identity.
    __hash__ = object.__hash__

    def __neg__(self) -> Result:
        return self._operate("negative", self)

    def __abs__(self) -> Result:
        return self._operate("absolute", self)

    def __invert__(self) -> Result:
        return self._operate("logical_not", self)
