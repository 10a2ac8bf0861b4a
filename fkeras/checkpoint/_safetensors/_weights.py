"""Weights as safetensors: named tensors, and nothing that could run.

Files of others open too, by the same names or with `rename=`.
"""

from __future__ import annotations

import json
import os
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, flatten, spec_of
from ...core.typing import Array, FilePath, Variables
from .._files._atomic_file import whole_file
from .._files._checksums import digest_at
from .._files._readable import readable
from .._files._report import LoadReport, MayDiffer, compare
from .._files._tree_arrays import with_arrays
from ._tensor_file import DTYPES, MARK, VERSION, TensorFile, library


def save_safetensors(filepath: FilePath, variables: Variables, overwrite: bool) -> None:
    """Write variables as a `.safetensors` file, every dtype as it is.

    Raises:
        FileExistsError: something is there and `overwrite` is false.
        ValueError: an array of a dtype that the format does not have.
    """
    safetensors = library()
    arrays = {path: _as_numpy(path, leaf) for path, leaf in flatten(dict(variables)).items()}
    sums = {path: digest_at(path, array) for path, array in arrays.items()}
    notes = {"format": "flax", MARK: json.dumps({"version": VERSION, "escaped": True, "sha256": sums})}
    with whole_file(filepath, overwrite) as target:
        safetensors.numpy.save_file(arrays, target, metadata=notes)
        with readable(repr(os.fspath(filepath))), TensorFile(target):
            pass


def _as_numpy(path: str, leaf: Array) -> np.ndarray:
    dtype = jnp.dtype(leaf.dtype).name
    if dtype not in DTYPES.values():
        raise ValueError(
            explain(
                f"safetensors has no dtype {dtype}.",
                received=path,
                write='model.save_weights("name", variables)   # an Orbax directory',
            )
        )
    return np.asarray(leaf, order="C")


def load_safetensors(
    filepath: FilePath, variables: Variables, **choice: Unpack[MayDiffer]
) -> tuple[Variables, LoadReport]:
    """Variables from a `.safetensors` file, checked against the ones given.

    Args:
        filepath: the file.
        variables: what the model has now.
        **choice: what may differ, see `compare`.

    Returns:
        The variables, and what was loaded.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, or tensors that do not fit; every mismatch is listed.
    """
    with TensorFile(filepath) as file:
        report = compare(spec_of(dict(variables), file.name_of), file.specs, **choice)
        report.require(f"{os.fspath(filepath)}")
        arrays = {here: jax.device_put(file.read(path)) for here, path in report.loaded.items()}
    return with_arrays(dict(variables), arrays, file.name_of), report
