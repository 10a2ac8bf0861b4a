"""The datasets of a weights file that are a model's variables: their comparison, and their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np

from ...core import ArraySpec, explain
from ...core.typing import Array, DTypeLike
from .._files._report import LoadReport, MayDiffer, compare
from .._files._tree_arrays import ArraySpecs
from ._weights_source import WeightsSource


def match_variables(
    weights: WeightsSource,
    places: Mapping[str, str],
    expected: ArraySpecs,
    ignore: Callable[[str], bool],
    optional: Callable[[str], bool],
    **choice: Unpack[MayDiffer],
) -> LoadReport:
    """How the datasets of a weights file compare with a model's variables.

    Args:
        weights: the open file.
        places: the variables path of each dataset path; each variable has one.
        expected: shape and dtype of each variables path.
        ignore: `(dataset path) -> bool`, for datasets that are not the model's.
        optional: `(dataset path) -> bool`, for those that a file may lack.
        **choice: what may differ, see `compare`.

    Returns:
        The report.
    """
    absent = {here for path, here in places.items() if optional(path) and path not in weights.specs}
    wanted = {p: s for p, s in expected.items() if p not in absent}
    found: dict[str, ArraySpec] = {}
    taken: set[str] = set()
    for path, (shape, dtype) in weights.specs.items():
        here = places.get(path)
        if here in taken or (here is None and ignore(path)):
            continue
        if here is not None:
            taken.add(here)  # Keras saves a weight that two of its objects share under both
        like = wanted.get(here or path)
        found[path] = (shape, dtype if like is None else _kind(dtype, like[1]))
    return compare(wanted, found, place_of=lambda path: places.get(path, path), **choice)


def read_variables(weights: WeightsSource, report: LoadReport, expected: ArraySpecs) -> dict[str, Array]:
    """The arrays that a report says are to be loaded, by variables path.

    Raises:
        ValueError: damaged ones, or integers that do not fit.
    """
    weights.check_room(report.loaded.values())
    return {here: as_kept(at, weights.read(at), expected[here][1]) for here, at in report.loaded.items()}


def as_kept(path: str, array: np.ndarray, dtype: DTypeLike) -> Array:
    """A dataset in the dtype of the variable that it becomes.

    Raises:
        ValueError: integers that do not fit.
    """
    converted = array.astype(jnp.dtype(dtype), copy=False)
    if array.dtype.kind in "iu" and not np.array_equal(converted, array):
        raise ValueError(explain(f"{path!r} holds integers that do not fit into {jnp.dtype(dtype).name}."))
    return jax.device_put(converted)  # `jnp.asarray` compiles a program for each shape


def _kind(found: str, wanted: str) -> str:
    """Floats of another width are converted, as Keras does; a float for an integer is a mismatch."""
    floats = ("float16", "float32", "float64", "bfloat16")
    integers = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    for kinds in (floats, integers):
        if found in kinds and wanted in kinds:
            return wanted
    return found
