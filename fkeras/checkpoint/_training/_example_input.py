"""The example input that a state was made from, in a manifest: its shapes and dtypes as JSON, and as shapes again."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from ...core.typing import PyTree


def example_record(example: PyTree) -> PyTree:
    """Shapes and dtypes of an example input as JSON."""
    return jax.tree.map(lambda leaf: {"shape": list(leaf.shape), "dtype": leaf.dtype.name}, example)


def as_example(said: PyTree) -> PyTree:
    """An example input, as `jax.ShapeDtypeStruct`s, from its record."""
    if said is None:
        return None
    if isinstance(said, Mapping) and set(said) == {"shape", "dtype"}:
        return jax.ShapeDtypeStruct(tuple(said["shape"]), said["dtype"])
    if isinstance(said, Mapping):
        return {k: as_example(v) for k, v in said.items()}
    return [as_example(v) for v in said]
