"""When two arrays are one: by how much they differ, how much rounding allows, and in which order their axes stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core.typing import PyTree

# What one layer's rounding may change, relative to the largest number: about eight units in the last place, as sums of
# many products are taken in another order.
_ROUNDING = {"float64": 1e-5, "float32": 1e-5, "float16": 8e-3, "bfloat16": 4e-2}
_EIGHT_BITS = 0.25


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How far two arrays may lie apart.

    Attributes:
        atol: the distance; `None` for what the dtypes' rounding explains.
    """

    atol: float | None = None

    def allowed(self, like: np.ndarray, rounding: float) -> float:
        """The largest distance at which an array counts as equal to `like`."""
        return rounding * max(magnitude(like), 1e-6) if self.atol is None else self.atol


def numbers(leaf: object) -> np.ndarray:
    """An array on the host, in numbers that NumPy computes with."""
    array = np.asarray(leaf)
    if array.dtype == bool or np.issubdtype(array.dtype, np.complexfloating) or array.dtype.kind in "OSU":
        return array
    return array.astype(np.float64)


def arrays_of(tree: PyTree) -> list[jax.Array]:
    """The arrays of a pytree that hold floating-point numbers; all of its arrays where there is none."""
    kinds = (jax.Array, np.ndarray, np.generic)
    leaves: list[PyTree] = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, kinds)]
    leaves = [leaf for leaf in leaves if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)]
    floating = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return floating or leaves


def magnitude(array: np.ndarray) -> float:
    """The largest finite number of an array, without its sign."""
    if not array.size or array.dtype.kind in "bOSU":
        return 1.0
    return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))


def median(array: np.ndarray) -> np.ndarray:
    """The median over the first axis of the numbers that are known; NaN where none is."""
    some = ~np.isnan(array).all(0)
    return np.where(some, np.nanmedian(np.where(some, array, 0.0), 0), np.nan)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two entries; infinite for other shapes, and where only one is not finite."""
    if a.shape != b.shape:
        return np.inf
    if not a.size:
        return 0.0
    if a.dtype.kind in "bOSU" or b.dtype.kind in "bOSU":
        return 0.0 if np.array_equal(a, b) else np.inf
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.where(equal, 0.0, np.abs(a - b))
    return float(np.max(np.where(np.isnan(apart), np.inf, apart)))


def rounding_of(*trees: PyTree, module: linen.Module | None = None) -> float:
    """What rounding may change in what is computed from these arrays, by a layer with its own compute dtype."""
    names = [str(leaf.dtype) for tree in trees for leaf in arrays_of(tree)]
    for field in ("dtype", "compute_dtype"):
        named = getattr(module, field, None) if module is not None else None
        if named is not None:
            text = named if isinstance(named, str) else str(getattr(named, "compute_dtype", None) or jnp.dtype(named))
            names.append(text.removeprefix("mixed_"))
    floats = [_ROUNDING.get(name, _EIGHT_BITS if "float8" in name else 0.0) for name in names]
    return max([*floats, _ROUNDING["float32"]])


def arrangements(array: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, str]]:
    """An array with its axes in the orders that frameworks use, those that give a shape: `(array, what was done)`."""
    if array.shape == shape:
        yield array, ""
    if array.ndim != len(shape) or array.ndim < 3 or sorted(array.shape) != sorted(shape):
        return
    if array.ndim > 3 or array.shape[0] == shape[0]:
        for moved in (np.moveaxis(array, 1, -1), np.moveaxis(array, -1, 1)):
            if moved.shape == shape:
                yield moved, "channels stand on another axis"
    swapped = np.swapaxes(array, 0, 1)
    if array.ndim == 3 and swapped.shape == shape:
        yield swapped, "time comes before the batch"


def nearest(array: np.ndarray, like: np.ndarray) -> tuple[float, np.ndarray, str]:
    """An array with its axes as another has them: `(distance, arranged, what was done)`.

    An array of the right shape stays as it is, unless its axes in another order give the other one.
    """
    best: tuple[float, np.ndarray, str] = (np.inf, array, "")
    for arranged, note in arrangements(array, like.shape):
        apart = distance(like, arranged)
        if apart < best[0] and (array.shape != like.shape or not note or apart <= 1e-3 * magnitude(like)):
            best = (apart, arranged, note)
    return best
