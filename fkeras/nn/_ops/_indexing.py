"""Entries taken out of arrays and put into them, with Keras's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import lax

from ...core import explain
from ...core.typing import Array, ArrayLike, Int, Num
from ._types import Table


def where(condition: ArrayLike, x1: ArrayLike | None = None, x2: ArrayLike | None = None) -> Array | tuple[Array, ...]:
    """`x1` where a condition holds, else `x2`; of the condition alone, where it holds."""
    if x1 is None and x2 is None:
        return jnp.where(condition)
    return jnp.where(condition, x1, x2)  # type: ignore[arg-type]  # JAX refuses one of the two alone


def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Array:
    """The entries at some places along an axis."""
    return jnp.take(jnp.asarray(x), jnp.asarray(indices), axis=axis)


def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Array:
    """The entry at each place along an axis."""
    return jnp.take_along_axis(jnp.asarray(x), jnp.asarray(indices), axis=axis)


def get_item(x: ArrayLike, key: object) -> Array:
    """`x[key]`."""
    return jnp.asarray(x)[key]  # type: ignore[index]  # a key is whatever an array takes


def searchsorted(sorted_sequence: Num[ArrayLike, " sorted"], values: ArrayLike, side: str = "left") -> Array:
    """Where values would stand in a sorted sequence."""
    return jnp.searchsorted(sorted_sequence, values, side=side)


def unique(
    x: ArrayLike, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None, fill_value: ArrayLike | None = None,
) -> Array | tuple[Array, ...]:  # fmt: skip
    """The distinct entries; under `jit` give `size`."""
    return jnp.unique(
        x, return_index, return_inverse, return_counts, axis, equal_nan=False, size=size, fill_value=fill_value,
        sorted=sorted,
    )  # fmt: skip


def slice(inputs: ArrayLike, start_indices: Sequence[ArrayLike], shape: Sequence[int]) -> Array:
    """A block of `shape` that begins at `start_indices`; -1 for all that is left."""
    inputs = jnp.asarray(inputs)
    sizes = [inputs.shape[i] - int(start_indices[i]) if s == -1 else s for i, s in enumerate(shape)]  # type: ignore[arg-type]
    return lax.dynamic_slice(inputs, tuple(start_indices), sizes)


def slice_update(inputs: ArrayLike, start_indices: Sequence[ArrayLike], updates: ArrayLike) -> Array:
    """`inputs` with a block written over at `start_indices`."""
    inputs = jnp.asarray(inputs)
    return lax.dynamic_update_slice(inputs, jnp.asarray(updates, inputs.dtype), tuple(start_indices))


def scatter(
    indices: Int[ArrayLike, "updates rank"], values: Num[ArrayLike, "updates ..."], shape: Sequence[int]
) -> Array:
    """Zeros with `values` added at `indices`, one row of coordinates for each."""
    values = jnp.asarray(values)
    return jnp.zeros(tuple(shape), values.dtype).at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))].add(values)


def scatter_update(
    inputs: ArrayLike, indices: Int[ArrayLike, "updates rank"], updates: Num[ArrayLike, "updates ..."],
    reduction: str | None = None,
) -> Array:  # fmt: skip
    """`inputs` with entries written over, or combined by `"add"`, `"max"`, `"min"` or `"mul"`."""
    place = jnp.asarray(inputs).at[tuple(jnp.asarray(indices).T)]
    combine: dict[str | None, Callable[[ArrayLike], Array]] = {
        None: place.set,
        "add": place.add,
        "max": place.max,
        "min": place.min,
        "mul": place.multiply,
    }
    if reduction not in combine:
        raise ValueError(
            explain("scatter_update: unknown reduction.", received=repr(reduction), write='reduction="add"')
        )
    return combine[reduction](updates)


def top_k(x: Num[ArrayLike, "*batch entries"], k: int, sorted: bool = True) -> tuple[Array, Array]:
    """The `k` largest entries of the last axis and their places."""
    return lax.top_k(jnp.asarray(x), k)


def in_top_k(targets: Int[ArrayLike, "*batch"], predictions: Num[ArrayLike, "*batch classes"], k: int) -> Array:
    """Whether each target is among the `k` largest predictions of its row; a NaN is the smallest of all."""
    predictions = jnp.asarray(predictions)
    own = jnp.take_along_axis(predictions, jnp.asarray(targets)[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


OWN: Table = {
    f.__name__: f
    for f in (
        where, take, take_along_axis, get_item, searchsorted, unique, slice, slice_update, scatter, scatter_update,
        top_k, in_top_k,
    )
}  # fmt: skip
