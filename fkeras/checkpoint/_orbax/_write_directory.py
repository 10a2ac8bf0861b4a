"""Writing a checkpoint directory: a manifest in JSON, and arrays that Orbax keeps.

    run/
      fkeras.json    format, version, kind, the description, every array's path, shape, dtype and SHA-256, and the
                     sizes of the files of arrays/ with the SHA-256 of those that are small
      arrays/        an Orbax checkpoint of {path: array}, not compressed: weights hardly are smaller then

It is written beside its place and moved there when it is whole, so a directory that carries the name is complete. Of
several processes each writes its parts of the arrays, and the first one the manifest.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import container_kinds, flatten, follow, is_key, named_leaves
from ...core.typing import Array, FilePath, PyTree
from ...train.distribution import several_processes
from .._files._checksums import digest
from .._files._processes import first_alone
from .._files._quiet_loggers import quiet
from ._manifest import MANIFEST, list_files, seal
from ._manifest_types import ArrayRecord
from ._own_files import ARRAYS
from ._whole_directory import check_place, whole_directory

# The parts of a tree whose containers a reader may not know: of a trainer's state the variables, else all of it.
_PARTS_OF_VARIABLES = {"trainer": ("params", "model_state")}


def write_directory(directory: FilePath, said: Mapping[str, Any], tree: Mapping[str, PyTree], overwrite: bool) -> None:
    """Write a checkpoint; nothing is left at `directory` unless all of it is.

    Args:
        directory: where.
        said: what the manifest says beside the arrays: its kind, and what that kind has.
        tree: the arrays.
        overwrite: whether a checkpoint that is already there may be replaced.

    Raises:
        FileExistsError: the directory exists and `overwrite` is false, or it is no checkpoint.
        TypeError: a leaf that is no array.
    """
    target = follow(directory, "A checkpoint")
    check_place(target, overwrite)
    arrays = {path: _to_write(leaf) for path, leaf in flatten(tree).items()}
    records = _records(arrays, tree)
    with whole_directory(target, overwrite) as beside:
        _save(beside / ARRAYS, {path: a for path, a in arrays.items() if a.size})  # Orbax keeps no empty arrays
        parts = _PARTS_OF_VARIABLES.get(said["kind"], tuple(tree))
        kinds = container_kinds({part: tree[part] for part in parts})
        whole = {**said, "arrays": records, "containers": kinds}
        first_alone(lambda: (beside / MANIFEST).write_text(seal({**whole, "files": list_files(beside / ARRAYS)})))


def _to_write(leaf: PyTree) -> Array | np.ndarray:
    """An array as Orbax writes it: what each of several processes has a copy of, the first one writes."""
    alike = several_processes() and (not isinstance(leaf, jax.Array) or leaf.is_fully_addressable)
    return np.asarray(leaf) if alike else jnp.asarray(leaf)


def _records(arrays: Mapping[str, Array | np.ndarray], tree: PyTree) -> dict[str, ArrayRecord]:
    records: dict[str, ArrayRecord] = {
        path: {"shape": list(a.shape), "dtype": jnp.dtype(a.dtype).name, "sha256": digest(a)}
        for path, a in arrays.items()
    }
    for path, leaf in named_leaves(tree).items():
        if is_key(leaf):
            records[path]["prng_impl"] = str(jax.random.key_impl(leaf))
    return records


def _save(place: pathlib.Path, arrays: Mapping[str, Array | np.ndarray]) -> None:
    import orbax.checkpoint as ocp

    if arrays:
        with quiet(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_compression=False)) as checkpointer:
            checkpointer.save(place, args=ocp.args.PyTreeSave(dict(arrays)))
