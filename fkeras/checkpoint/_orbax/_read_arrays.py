"""Reading the arrays of a checkpoint directory: those that are asked for, each compared with the manifest."""

from __future__ import annotations

import gc
import os
import pathlib
from collections.abc import Collection, Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding

from ...core import ArraySpec, as_path, explain
from ...core.typing import Array, FilePath, PyTree
from .._files._checksums import digest
from .._files._claimed_size import check_claimed_size
from .._files._quiet_loggers import quiet
from ._manifest import check_files, specs
from ._manifest_types import ArrayRecord, Manifest
from ._own_files import ARRAYS

# Arrays are read together up to this many bytes, or up to a sixteenth of them all.
_PART = 16 << 20
# Where a trainer's state counts its steps.
_STEP = "step"


def read_arrays(
    directory: FilePath,
    manifest: Manifest,
    paths: Collection[str] | None = None,
    shardings: Mapping[str, Sharding] | None = None,
) -> dict[str, Array]:
    """The arrays at `paths` (all by default), each checked against the manifest; no others are read.

    Whatever devices they were saved from, they come back where `shardings` says, each part read where it will lie, and
    on the default device where that says nothing.

    Args:
        directory: the checkpoint.
        manifest: what it says of itself.
        paths: which arrays.
        shardings: where an array is to lie, by path.

    Returns:
        The arrays by path; random keys as their raw data.

    Raises:
        ValueError: arrays that are missing, damaged, or not what the manifest says.
    """
    place = pathlib.Path(os.path.abspath(as_path(directory, "A checkpoint"))) / ARRAYS
    wanted = {p: s for p, s in specs(manifest).items() if paths is None or p in paths}
    here = SingleDeviceSharding(jax.local_devices()[0])
    places = {p: (shardings or {}).get(p, here) for p in wanted}
    like = {p: jax.ShapeDtypeStruct(s, jnp.dtype(d), sharding=places[p]) for p, (s, d) in wanted.items() if 0 not in s}
    restored: dict[str, PyTree] = {}
    if like:
        _check_room(place, like)
        check_files(place, manifest.get("files"))
        for part in _parts(like):
            restored.update(_restore(place, part))
    arrays = {}
    for path, spec in wanted.items():
        array = restored.pop(path) if 0 not in spec[0] else _empty(spec, places[path])
        _check_array(path, array, spec, manifest["arrays"][path])
        if path == _STEP and manifest["kind"] == "trainer":
            _check_step(array, place.parent)
        arrays[path] = array
    return arrays


def _empty(spec: ArraySpec, place: Sharding) -> Array:
    """An array without elements, of which Orbax keeps no file."""
    return jax.device_put(np.zeros(spec[0], jnp.dtype(spec[1])), place)


def _check_array(path: str, array: PyTree, spec: ArraySpec, record: ArrayRecord) -> None:
    """Refuse anything but the array that was saved; Orbax may return other types where its metadata is damaged."""
    same = isinstance(array, jax.Array) and (array.shape, jnp.dtype(array.dtype).name) == spec
    if same and digest(array) == record["sha256"]:
        return
    raise ValueError(
        explain(
            f"The array {path!r} is not what was saved.",
            received="another SHA-256 than the manifest's" if same else f"a {type(array).__name__}, {array!s:.80}",
            usually="the file was damaged or edited.",
        )
    )


def _check_step(step: Array, directory: pathlib.Path) -> None:
    if (step < 0).any():
        raise ValueError(
            explain(
                f"The run in {str(directory)!r} has made {step} steps.",
                usually="a file made to harm: its checksum fits.",
            )
        )


def _parts(like: Mapping[str, jax.ShapeDtypeStruct]) -> Iterator[dict[str, jax.ShapeDtypeStruct]]:
    """The arrays in parts of at most a sixteenth of all bytes: Orbax holds those that it reads together twice."""
    sizes = {p: s.size * s.dtype.itemsize for p, s in like.items()}
    most = max(_PART, sum(sizes.values()) // 16)
    part: dict[str, jax.ShapeDtypeStruct] = {}
    for path in like:
        if part and sum(map(sizes.__getitem__, part)) + sizes[path] > most:
            yield part
            part = {}
        part[path] = like[path]
    yield part


def _restore(place: pathlib.Path, like: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, PyTree]:
    """The arrays of an Orbax checkpoint that `like` names."""
    import orbax.checkpoint as ocp

    try:
        with quiet(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            # without a dtype: Orbax would cast an array of another dtype to it
            arguments = {path: ocp.ArrayRestoreArgs(sharding=spec.sharding) for path, spec in like.items()}
            return checkpointer.restore(
                place, ocp.args.PyTreeRestore(item=dict.fromkeys(like, 0), restore_args=arguments, partial_restore=True)
            )
    except Exception as error:  # Orbax and tensorstore raise many types for a damaged file
        text = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
    with quiet():
        gc.collect()  # the other reads that failed print their traces when they are collected
    raise ValueError(
        explain(
            f"The arrays in {str(place)!r} cannot be read.",
            received=text,
            usually="a file of the checkpoint is missing or damaged.",
        )
    )


def _check_room(place: pathlib.Path, like: Mapping[str, jax.ShapeDtypeStruct]) -> None:
    """Refuse links, and arrays that are far larger than the files that hold them, before memory is taken for them."""
    claimed = sum(s.size * s.dtype.itemsize for s in like.values())
    files = [place, *place.rglob("*")] if place.is_dir() else []
    links = [p for p in files if p.is_symlink()]
    if links:
        raise ValueError(
            explain(
                f"The arrays in {str(place)!r} cannot be read.",
                received=f"{str(links[0])!r} is a link",
                usually="a directory made to harm: Orbax writes none.",
            )
        )
    check_claimed_size(claimed, sum(p.stat().st_size for p in files if p.is_file()), f"The arrays in {str(place)!r}")
