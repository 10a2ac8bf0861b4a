"""What is known of a call without running it: shapes, and the program that makes its variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

from .._words._errors import explain
from .._words._paths import plain_path_name
from ..typing import PyTree, Variables
from ._dimensions import symbols

#: Makes variables: `key -> variables`, or `(key, arrays) -> variables` where their values depend on the inputs.
Program: TypeAlias = Callable[..., dict[str, PyTree]]


@dataclasses.dataclass(frozen=True, eq=False)
class Inferred:
    """What `infer` found.

    Attributes:
        outputs: the function's output as a pytree of `jax.ShapeDtypeStruct`.
        variables: the variables it makes, likewise.
        program: `key -> variables`, only the arithmetic that the variables need; it takes the inputs as well, a list of
            arrays, for values that depend on them.
        facts: what the layers that ran say of their weights, by path.
        needs: which variable cannot be made from a key alone, and why; empty where all can.
        needs_values: whether that is for its value, which follows from what is in the input, and not for its shape.
    """

    outputs: PyTree
    variables: Variables
    program: Program
    facts: Mapping[tuple[str, ...], Any] = dataclasses.field(default_factory=dict)
    needs: str = ""
    needs_values: bool = False


def struct_of(value: object) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array, as a struct; dtypes are what JAX will make of them."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        dtype = np.asarray(value).dtype
    canonical = jax.dtypes.canonicalize_dtype(dtype, allow_extended_dtype=True)
    if isinstance(value, jax.ShapeDtypeStruct):
        return value if value.dtype == canonical else value.update(dtype=canonical)
    return jax.ShapeDtypeStruct(np.shape(value), canonical)


def unsized(variables: Variables) -> str:
    """The first variable whose shape is not known, in words; empty where all are."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        if symbols(leaf.shape):
            name = plain_path_name(path)
            return f"the shape of {name!r} is {tuple(leaf.shape)}"
    return ""


def needs_example(who: str, needs: str) -> ValueError:
    """The error for variables that were to be made from a key alone, and depend on the input."""
    return ValueError(
        explain(
            f"{who} cannot make its variables without an example input.",
            received=needs,
            usually="a cache as long as the batch, or a weight that starts from the data.",
            write="variables = model.init(key, x)   # x: one batch; trainer.init(0, x) likewise",
        )
    )
