"""Ops: functions of arrays under the names that `fk.ops` and Keras give them."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from types import EllipsisType
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from .._words._config import look_up
from ..typing import ArrayLike, PyTree
from ._operators import OPERATORS

#: What stands between the brackets of `x[...]`: one of these, or a tuple of them.
Index: TypeAlias = "int | slice | EllipsisType | ArrayLike | tuple[Any, ...] | None"
#: What `__reduce__` returns: a function, and the arguments with which it makes an equal object.
Reduced: TypeAlias = tuple[Callable[..., object], tuple[object, ...]]


@dataclasses.dataclass(frozen=True)
class Op:
    """A function of arrays under the name that `fk.ops` and Keras give it.

    Pickles hold an op by its name wherever fkeras has it: most functions of JAX are objects that no pickle takes.
    """

    name: str
    function: Callable[..., PyTree] = dataclasses.field(compare=False)

    def __reduce__(self) -> Reduced:
        if METHODS.get(self.name) is self.function:
            return op_of_method, (self.name,)
        try:
            listed = look_up(self.name, "keras.ops")
        except ValueError:  # the function is a user's own
            listed = None
        return (op_of_table, (self.name,)) if listed is self.function else (type(self), (self.name, self.function))


def op_of_method(name: str) -> Op:
    """The op of an operator or a method of symbolic tensors; a name that pickles hold, so it stays as it is."""
    return Op(name, METHODS[name])


def op_of_table(name: str) -> Op:
    """The op of `fk.ops` with this name; a name that pickles hold, so it stays as it is."""
    return Op(name, look_up(name, "keras.ops"))


def getitem(x: ArrayLike, key: Index) -> jax.Array:
    """`x[key]`, as a function."""
    return operator.getitem(jnp.asarray(x), key)


def cast(x: ArrayLike, dtype: str) -> jax.Array:
    """`x.astype(dtype)`, as a function."""
    return jnp.asarray(x).astype(dtype)


#: What Python's operators and the methods of a symbolic tensor record, by the ops' names.
METHODS: dict[str, Callable[..., jax.Array]] = {
    **dict(OPERATORS.values()),
    "cast": cast,
    "reshape": jnp.reshape,
    "transpose": jnp.transpose,
    "get_item": getitem,
    "round": jnp.round,
}
