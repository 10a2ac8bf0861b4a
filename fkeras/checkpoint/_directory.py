"""A checkpoint directory: a manifest in JSON, and arrays that Orbax keeps.

    run/
      fkeras.json    format, version, kind, the description, and every array's path, shape, dtype and SHA-256
      arrays/        an Orbax checkpoint of {path: array}

It is written beside its place and moved there when it is whole, so a directory that carries the name is complete.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import explain
from ._report import Spec

MANIFEST = "fkeras.json"
ARRAYS = "arrays"
VERSION = 1


def flatten(tree: Any) -> dict[str, Any]:
    """A pytree as `{"params/dense/kernel": array}`; keys of PRNG arrays become their raw data."""
    return {path: jax.random.key_data(leaf) if _is_key(leaf) else leaf for path, leaf in _leaves(tree)}


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    found = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in found]


def unflatten(like: Any, arrays: Mapping[str, Any], manifest: Mapping[str, Any] | None = None) -> Any:
    """Arrays by path in the structure of `like`, with keys made from their raw data again."""

    def one(path: Any, leaf: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if not _is_key(leaf):
            return arrays[name]
        impl = None if manifest is None else manifest["arrays"][name].get("prng_impl")
        return jax.random.wrap_key_data(jnp.asarray(arrays[name]), impl=impl)

    return jax.tree_util.tree_map_with_path(one, like)


def nest(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays by path as nested dicts.

    >>> nest({"params/dense/bias": 0})
    {'params': {'dense': {'bias': 0}}}
    """
    tree: dict[str, Any] = {}
    for path, array in arrays.items():
        *parents, last = path.split("/")
        place = tree
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = array
    return tree


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def spec_of(tree: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of each array, from arrays or from `jax.ShapeDtypeStruct`s."""
    found = {}
    for name, leaf in _leaves(tree):
        if _is_key(leaf):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        found[name] = (tuple(int(d) for d in leaf.shape), jnp.dtype(leaf.dtype).name)
    return found


def digest(array: Any) -> str:
    """SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(np.asarray(array)).tobytes()).hexdigest()


# ------------------------------------------------------------------ several in one directory
NUMBERED = re.compile(r"\d{9,}")


def numbered(directory: pathlib.Path) -> list[pathlib.Path]:
    """The checkpoints of a run that keeps several, named by their step, oldest first."""
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted(p for p in found if NUMBERED.fullmatch(p.name) and (p / MANIFEST).is_file())


# ------------------------------------------------------------------ writing
def write(directory: Any, manifest: Mapping[str, Any], tree: Any, overwrite: bool) -> None:
    """Write a checkpoint; nothing is left at `directory` unless all of it is.

    Raises:
        FileExistsError: the directory exists and `overwrite` is false, or it is no checkpoint.
        TypeError: a leaf that is no array.
    """
    import orbax.checkpoint as ocp

    target = pathlib.Path(os.path.abspath(os.fspath(directory)))
    _check_place(target, overwrite)
    arrays = {path: jnp.asarray(leaf) for path, leaf in flatten(tree).items()}
    keys = {p: str(jax.random.key_impl(k)) for p, k in _leaves(tree) if _is_key(k)}
    records = {
        path: {"shape": list(a.shape), "dtype": jnp.dtype(a.dtype).name, "sha256": digest(a)}
        for path, a in arrays.items()
    }
    for path, impl in keys.items():
        records[path]["prng_impl"] = impl
    content = {"format": "fkeras", "version": VERSION, **manifest, "arrays": records}
    text = json.dumps(content, indent=1)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        whole = {path: a for path, a in arrays.items() if a.size}  # Orbax keeps no empty arrays
        if whole:
            with _quiet(), ocp.StandardCheckpointer() as checkpointer:
                checkpointer.save(beside / ARRAYS, whole)
                checkpointer.wait_until_finished()
        (beside / MANIFEST).write_text(text)
        old = None
        if target.exists():
            old = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent)) / "old"
            os.rename(target, old)
        os.rename(beside, target)
        os.chmod(target, 0o777 & ~_umask())
        if old is not None:
            shutil.rmtree(old.parent)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _check_place(target: pathlib.Path, overwrite: bool) -> None:
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
                received="a file" if target.is_file() else f"a directory without {MANIFEST}",
                usually="a wrong path.",
                write="a path that does not exist yet",
            )
        )


# ------------------------------------------------------------------ reading
def read_manifest(directory: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The manifest of a checkpoint of one of the given kinds.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, of a later version, or of another kind.
    """
    place = pathlib.Path(os.path.abspath(os.fspath(directory)))
    path = place / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            explain(
                f"There is no checkpoint at {str(place)!r}.",
                received="nothing there" if not place.exists() else f"no {MANIFEST} in it",
                usually="a wrong path, or a save that did not finish.",
                write='the path that was given to save, e.g. fk.load_model("run/model")',
            )
        )
    try:
        manifest = json.loads(path.read_text())
        records = manifest["arrays"]
        ok = manifest["format"] == "fkeras" and isinstance(manifest["version"], int) and isinstance(records, dict)
        for record in records.values():
            ok = ok and isinstance(record["dtype"], str) and all(isinstance(d, int) and d >= 0 for d in record["shape"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(explain(f"{str(path)!r} is damaged.", received=f"{type(error).__name__}: {error}")) from None
    if not ok:
        raise ValueError(explain(f"{str(path)!r} is no manifest of fkeras.", received=str(manifest)[:80]))
    if manifest["version"] > VERSION:
        raise ValueError(
            explain(
                f"The checkpoint has format version {manifest['version']}, and this fkeras reads up to {VERSION}.",
                write="pip install --upgrade fkeras",
            )
        )
    if manifest.get("kind") not in kinds:
        raise ValueError(
            explain(
                f"The checkpoint at {str(place)!r} is a {manifest.get('kind')}, not a {' or a '.join(kinds)}.",
                write={
                    "trainer": "fk.load_trainer(path)",
                    "model": "fk.load_model(path)",
                    "weights": "model.load_weights(path, variables)",
                }.get(str(manifest.get("kind")), ""),
            )
        )
    return manifest


def specs(manifest: Mapping[str, Any]) -> Spec:
    """Paths, shapes and dtypes that a manifest lists."""
    return {path: (tuple(r["shape"]), r["dtype"]) for path, r in manifest["arrays"].items()}


def read_arrays(directory: Any, manifest: Mapping[str, Any], paths: Any = None) -> dict[str, jax.Array]:
    """The arrays at `paths` (all by default), each checked against the manifest.

    Raises:
        ValueError: arrays that are missing, damaged, or not what the manifest says.
    """
    import orbax.checkpoint as ocp

    place = pathlib.Path(os.path.abspath(os.fspath(directory))) / ARRAYS
    wanted = {p: s for p, s in specs(manifest).items() if paths is None or p in paths}
    every = {p: jax.ShapeDtypeStruct(s, jnp.dtype(d)) for p, (s, d) in specs(manifest).items() if 0 not in s}
    found: dict[str, Any] = {}
    if every:
        try:
            with _quiet(), ocp.StandardCheckpointer() as checkpointer:
                found = checkpointer.restore(place, every)
        except Exception as error:  # Orbax and tensorstore raise many types for a damaged file
            raise ValueError(
                explain(
                    f"The arrays in {str(place)!r} cannot be read.",
                    received=f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}",
                    usually="a file of the checkpoint is missing or damaged.",
                )
            ) from error
    arrays = {}
    for path, (shape, dtype) in wanted.items():
        array = found[path] if 0 not in shape else jnp.zeros(shape, dtype)
        said = manifest["arrays"][path].get("sha256")
        if tuple(array.shape) != shape or (said is not None and digest(array) != said):
            raise ValueError(
                explain(
                    f"The array {path!r} is not what was saved.",
                    received=f"shape {tuple(array.shape)}, another SHA-256 than the manifest's",
                    usually="the file was damaged or edited.",
                )
            )
        arrays[path] = array
    return arrays


class _quiet:  # noqa: N801 - a context manager read as a word
    """Orbax's notes of routine at warning level stay out of the user's terminal."""

    def __enter__(self) -> None:
        self.logger = logging.getLogger("absl")
        self.level = self.logger.level
        self.logger.setLevel(logging.ERROR)

    def __exit__(self, *details: Any) -> None:
        self.logger.setLevel(self.level)
