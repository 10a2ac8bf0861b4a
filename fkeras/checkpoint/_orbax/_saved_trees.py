"""The trees that a manifest's arrays were saved from: what its paths mean, and trees made of arrays by path."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ...core import join_path, nest, path_name, plain_path_name
from ...core.typing import PyTree
from .._files._tree_arrays import NameOf, unflatten
from ._manifest_types import ArrayRecord, Manifest


def naming(manifest: Manifest) -> NameOf:
    """How paths are written in a checkpoint; in older ones keys are not escaped."""
    return path_name if "containers" in manifest else plain_path_name


def kinds_in(manifest: Manifest) -> Mapping[str, str]:
    """What a checkpoint says of its lists and tuples, by path; older ones say nothing."""
    return manifest.get("containers", {})


def in_structure_of(
    like: PyTree, arrays: Mapping[str, PyTree], manifest: Manifest, sources: Mapping[str, str] | None = None
) -> PyTree:
    """A checkpoint's arrays by path in the structure of `like`, with random keys of the generators that were saved.

    Args:
        like: a tree of arrays or shapes.
        arrays: one for each leaf.
        manifest: what the checkpoint says of itself.
        sources: the path in the manifest of each array that is of another path here.

    Returns:
        The tree.
    """
    records = manifest["arrays"]
    impls = {path: _impl_of(records.get((sources or {}).get(path, path))) for path in arrays}
    return unflatten(like, arrays, naming(manifest), {path: impl for path, impl in impls.items() if impl is not None})


def _impl_of(record: ArrayRecord | None) -> str | None:
    return None if record is None else record.get("prng_impl")


def rebuilt(arrays: Mapping[str, PyTree], places: Mapping[str, str], manifest: Manifest) -> dict[str, PyTree]:
    """Variables as the tree that they were saved from.

    Args:
        arrays: arrays, or their shapes, by path in the manifest.
        places: the path in the manifest of each path in the variables.
        manifest: what the checkpoint says of itself.

    Returns:
        The variables.

    Raises:
        ValueError: they lie in objects that only a model can make.
    """
    escaped = "containers" in manifest
    by_name = {
        here if escaped else join_path(here.split("/")): as_keys(arrays[at], manifest["arrays"][at])
        for here, at in places.items()
    }
    return nest(by_name, {at.removeprefix("model_state/"): kind for at, kind in kinds_in(manifest).items()})


def as_keys(array: PyTree, record: ArrayRecord) -> PyTree:
    """An array, or its shape, as it was before its random keys were made plain numbers."""
    impl = record.get("prng_impl")
    if impl is None:
        return array
    wrap = functools.partial(jax.random.wrap_key_data, impl=impl)
    return jax.eval_shape(wrap, array) if isinstance(array, jax.ShapeDtypeStruct) else wrap(array)


def struct_of(record: ArrayRecord) -> jax.ShapeDtypeStruct:
    """The array that a manifest records, as a shape; random keys are keys."""
    struct = jax.ShapeDtypeStruct(tuple(record["shape"]), jnp.dtype(record["dtype"]))
    impl = record.get("prng_impl")
    return struct if impl is None else jax.eval_shape(lambda d: jax.random.wrap_key_data(d, impl=impl), struct)
