"""A checkpoint directory: a manifest in JSON, and arrays that Orbax keeps.

    run/
      fkeras.json    format, version, kind, the description, every array's path, shape, dtype and SHA-256, and the
                     sizes of the files of arrays/ with the SHA-256 of those that are small
      arrays/        an Orbax checkpoint of {path: array}, not compressed: weights hardly are smaller then

It is written beside its place and moved there when it is whole, so a directory that carries the name is complete.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import logging
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import (
    as_leaf,
    as_path,
    container_kinds,
    explain,
    follow,
    is_key,
    join_path,
    named_leaves,
    path_name,
    plain_path_name,
)
from ...core import flatten as flatten
from ...core import nest as nest
from ...core import spec_of as spec_of
from .._files._atomic_file import mode_of, temporary_beside
from ._manifest import MANIFEST, check_files, list_files, seal
from ._manifest import read_manifest as read_manifest
from ._manifest import specs as specs
from ._own_files import ARRAYS, check_inside, others
from ._own_files import delete_checkpoint as delete_checkpoint
from ._own_files import is_run as is_run

_PART = 32 << 20
# What of a trainer's state are variables, of which a reader may not know the structure.
_VARIABLES = {"trainer": ("params", "model_state")}
# Where a trainer's state counts its steps.
_STEP = "step"
_HARM = "a file made to harm: its checksum fits."


def unflatten(like: Any, arrays: Mapping[str, Any], manifest: Mapping[str, Any] | None = None) -> Any:
    """Arrays by path in the structure of `like`, with keys made from their raw data again."""
    name = naming(manifest)
    records = {} if manifest is None else manifest["arrays"]

    def one(path: Any, leaf: Any) -> Any:
        return as_leaf(arrays[name(path)], leaf, records.get(name(path), {}).get("prng_impl"))

    return jax.tree_util.tree_map_with_path(one, like)


def filled(tree: Any, arrays: Mapping[str, Any], name: Callable[[Any], str] = path_name) -> Any:
    """A tree with arrays by path in the place of some of its leaves."""

    def one(path: Any, leaf: Any) -> Any:
        return as_leaf(arrays[name(path)], leaf) if name(path) in arrays else leaf

    return jax.tree_util.tree_map_with_path(one, tree)


def naming(manifest: Mapping[str, Any] | None) -> Callable[[Any], str]:
    """How the arrays of a checkpoint are called; old ones have keys as they are."""
    return path_name if manifest is None or "containers" in manifest else plain_path_name


def rebuilt(arrays: Mapping[str, Any], places: Mapping[str, str], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Variables as the tree that they were saved from.

    Args:
        arrays: arrays, or their shapes, by path in the manifest.
        places: the path in the manifest of each path in the variables.
        manifest: what the checkpoint says of itself.

    Raises:
        ValueError: they lie in objects that only a model can make.
    """
    escaped = "containers" in manifest
    found = {
        here if escaped else join_path(here.split("/")): _as_saved(arrays[at], manifest["arrays"][at].get("prng_impl"))
        for here, at in places.items()
    }
    return nest(found, {at.removeprefix("model_state/"): kind for at, kind in kinds_in(manifest).items()})


def kinds_in(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """What a checkpoint says of its lists and tuples, by path; older ones say nothing."""
    return manifest.get("containers", {})


def _as_saved(array: Any, impl: str | None) -> Any:
    """An array, or its shape, as it was before its keys were made plain numbers."""
    if impl is None:
        return array
    wrap = functools.partial(jax.random.wrap_key_data, impl=impl)
    return jax.eval_shape(wrap, array) if isinstance(array, jax.ShapeDtypeStruct) else wrap(array)


def digest(array: Any) -> str:
    """SHA-256 of an array's bytes."""
    return hashlib.sha256(bytes_of(array)).hexdigest()


def digest_at(path: str, array: Any) -> str:
    """SHA-256 of an array's place, form and bytes: it does not fit an array that was moved or reshaped."""
    return hashlib.sha256(
        f"{path} {array.dtype.str} {array.shape} ".encode() + hashlib.sha256(bytes_of(array)).digest()
    ).hexdigest()


def bytes_of(array: Any) -> memoryview:
    """An array's bytes in order, not copied where they lie so."""
    return np.ascontiguousarray(np.asarray(array)).reshape(-1).view(np.uint8).data


def check_claim(claimed: int, kept: int, what: str) -> None:
    """Refuse a file that unpacks to far more than it holds: trained weights hardly compress.

    Raises:
        ValueError: more than 64 MB, and more than two hundred times the size of the file.
    """
    if claimed > max(64 << 20, 200 * kept):
        raise ValueError(
            explain(
                f"{what} cannot be read.",
                received=f"{claimed:,} bytes of arrays in {kept:,} bytes of files",
                usually="a damaged file, or one made to fill the memory of its reader.",
            )
        )


# ------------------------------------------------------------------ several in one directory
NUMBERED = re.compile(r"\d{9,}")


def numbered(directory: pathlib.Path) -> list[pathlib.Path]:
    """The checkpoints of a run that keeps several, named by their step, oldest first."""
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted(p for p in found if NUMBERED.fullmatch(p.name) and (p / MANIFEST).is_file())


def last_of(directory: Any) -> pathlib.Path:
    """The checkpoint that a path means: the last one of a run that keeps several, else itself."""
    place = pathlib.Path(os.path.abspath(as_path(directory, "A checkpoint")))
    return (numbered(place) or [place])[-1]


# ------------------------------------------------------------------ writing
def write(directory: Any, manifest: Mapping[str, Any], tree: Any, overwrite: bool) -> None:
    """Write a checkpoint; nothing is left at `directory` unless all of it is.

    Raises:
        FileExistsError: the directory exists and `overwrite` is false, or it is no checkpoint.
        TypeError: a leaf that is no array.
    """
    import orbax.checkpoint as ocp

    target = follow(directory, "A checkpoint")
    check_place(target, overwrite)
    arrays = {path: jnp.asarray(leaf) for path, leaf in flatten(tree).items()}
    keys = {p: str(jax.random.key_impl(k)) for p, k in named_leaves(tree).items() if is_key(k)}
    records = {
        path: {"shape": list(a.shape), "dtype": jnp.dtype(a.dtype).name, "sha256": digest(a)}
        for path, a in arrays.items()
    }
    for path, impl in keys.items():
        records[path]["prng_impl"] = impl
    with whole_directory(target, overwrite) as beside:
        whole = {path: a for path, a in arrays.items() if a.size}  # Orbax keeps no empty arrays
        if whole:
            with quiet(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_compression=False)) as checkpointer:
                checkpointer.save(beside / ARRAYS, args=ocp.args.PyTreeSave(whole))
        kinds = container_kinds({part: tree[part] for part in _VARIABLES.get(manifest["kind"], tree)})
        said = {**manifest, "arrays": records, "containers": kinds, "files": list_files(beside / ARRAYS)}
        (beside / MANIFEST).write_text(seal(said))


@contextlib.contextmanager
def whole_directory(directory: Any, overwrite: bool) -> Iterator[pathlib.Path]:
    """A temporary directory beside its place, moved there when it is whole; nothing is left of it otherwise.

    What is in a checkpoint's directory and is not the checkpoint's stays there.

    Raises:
        FileExistsError: the directory exists and `overwrite` is false, or it is no checkpoint.
    """
    target = follow(directory, "A checkpoint")
    check_place(target, overwrite)
    with temporary_beside(target, tempfile.mkdtemp) as name:
        beside = pathlib.Path(name)
        try:
            yield beside
            _put_in_place(beside, target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


def _put_in_place(beside: pathlib.Path, target: pathlib.Path) -> None:
    """Move a whole directory to its place, and what others keep in the one that was there into it."""
    os.chmod(beside, mode_of(target, 0o777))
    if not target.exists():
        os.rename(beside, target)
        return
    kept = others(target)
    both = sorted(set(kept) & {p.name for p in beside.iterdir()})
    if both:
        raise FileExistsError(
            explain(
                f"{str(target / both[0])!r} is in the way, and is no part of the checkpoint that is replaced.",
                usually="a file of one's own under a name that a checkpoint uses.",
                write="another path, or the file moved elsewhere",
            )
        )
    old = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name[:60]}-old-", dir=target.parent)) / "old"
    try:
        os.rename(target, old)
        os.rename(beside, target)
    except BaseException:
        if old.exists() and not target.exists():
            os.rename(old, target)
        with contextlib.suppress(OSError):
            old.parent.rmdir()
        raise
    for name in kept:
        os.rename(old / name, target / name)
    shutil.rmtree(old.parent)


def check_place(target: pathlib.Path, overwrite: bool) -> None:
    """Refuse to replace what must not be, or is no checkpoint.

    Raises:
        FileExistsError: it is there.
    """
    if not target.exists():
        return
    if not overwrite:
        raise FileExistsError(
            explain(f"{str(target)!r} exists.", received="overwrite=False", write="another path, or overwrite=True")
        )
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).exists()):
        raise FileExistsError(
            explain(
                f"{str(target)!r} exists and is no checkpoint, so it is not overwritten.",
                received="a file" if not target.is_dir() else f"a directory without {MANIFEST}",
                usually="a wrong path.",
                write="a path that does not exist yet",
            )
        )
    check_inside(target)


# ------------------------------------------------------------------ reading
def read_arrays(directory: Any, manifest: Mapping[str, Any], paths: Any = None) -> dict[str, jax.Array]:
    """The arrays at `paths` (all by default), each checked against the manifest; no others are read.

    They come back on the default device, whatever devices they were saved from.

    Raises:
        ValueError: arrays that are missing, damaged, or not what the manifest says.
    """
    place = pathlib.Path(os.path.abspath(as_path(directory, "A checkpoint"))) / ARRAYS
    wanted = {p: s for p, s in specs(manifest).items() if paths is None or p in paths}
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    like = {p: jax.ShapeDtypeStruct(s, jnp.dtype(d), sharding=here) for p, (s, d) in wanted.items() if 0 not in s}
    found: dict[str, Any] = {}
    if like:
        _check_room(place, like)
        check_files(place, manifest.get("files"))
        for part in _parts(like):
            found.update(_restore(place, part))
    arrays = {}
    for path, (shape, dtype) in wanted.items():
        array = found.pop(path) if 0 not in shape else jnp.zeros(shape, dtype)
        # damaged metadata may make something else of it
        same = isinstance(array, jax.Array) and array.shape == shape and jnp.dtype(array.dtype).name == dtype
        if not same or digest(array) != manifest["arrays"][path]["sha256"]:
            raise ValueError(
                explain(
                    f"The array {path!r} is not what was saved.",
                    received="another SHA-256 than the manifest's"
                    if same
                    else f"a {type(array).__name__}, {array!s:.80}",
                    usually="the file was damaged or edited.",
                )
            )
        if path == _STEP and manifest["kind"] == "trainer" and (array < 0).any():
            raise ValueError(explain(f"The run in {str(place.parent)!r} has made {array} steps.", usually=_HARM))
        arrays[path] = array
    return arrays


def _parts(like: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The arrays in parts of an eighth of them all: Orbax holds the bytes of those it reads together twice."""
    sizes = {p: s.size * s.dtype.itemsize for p, s in like.items()}
    most = max(_PART, sum(sizes.values()) // 8)
    part: dict[str, Any] = {}
    for path in like:
        if part and sum(map(sizes.__getitem__, part)) + sizes[path] > most:
            yield part
            part = {}
        part[path] = like[path]
    yield part


def _restore(place: pathlib.Path, like: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of an Orbax checkpoint that `like` names."""
    import orbax.checkpoint as ocp

    try:
        with quiet(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            # as they are in the file: Orbax would make another dtype what is asked for
            arguments = {path: ocp.ArrayRestoreArgs(sharding=spec.sharding) for path, spec in like.items()}
            return checkpointer.restore(
                place, ocp.args.PyTreeRestore(item=dict.fromkeys(like, 0), restore_args=arguments, partial_restore=True)
            )
    except Exception as error:  # Orbax and tensorstore raise many types for a damaged file
        text = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
    with quiet():
        gc.collect()  # reads of other arrays that failed too would say so at length whenever they are collected
    raise ValueError(
        explain(
            f"The arrays in {str(place)!r} cannot be read.",
            received=text,
            usually="a file of the checkpoint is missing or damaged.",
        )
    )


def _check_room(place: pathlib.Path, like: Mapping[str, Any]) -> None:
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
    check_claim(claimed, sum(p.stat().st_size for p in files if p.is_file()), f"The arrays in {str(place)!r}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Notes of routine at warning level, and the pages of Orbax's reads that fail, stay out of the terminal."""
    loggers = [(logger, logger.level) for logger in map(logging.getLogger, ("absl", "onnx_ir", "asyncio"))]
    for (logger, _), level in zip(loggers, (logging.ERROR, logging.ERROR, logging.CRITICAL), strict=True):
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in loggers:
            logger.setLevel(level)
