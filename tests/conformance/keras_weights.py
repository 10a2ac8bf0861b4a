"""The same weights in a Keras layer and in fkeras variables: Keras saves them, fkeras reads the file."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from fkeras.checkpoint._keras._h5 import WeightsFile
from fkeras.checkpoint._keras._layout import layout

_DRAW = ("Zeros", "VarianceScaling", "Orthogonal", "RandomUniform", "RandomNormal", "TruncatedNormal")


@contextlib.contextmanager
def nothing_drawn() -> Iterator[None]:
    """Keras's new weights are NumPy's zeros, until `randomise` draws them: its own take a program for each shape."""
    import keras

    def zeros(self: Any, shape: Any, dtype: Any = None) -> np.ndarray:
        return np.zeros(shape, dtype or "float32")

    with pytest.MonkeyPatch.context() as patch:
        for name in _DRAW:
            patch.setattr(getattr(keras.initializers, name), "__call__", zeros)
        yield


def randomise(layer: Any, seed: int = 0) -> None:
    """Random values in all of a Keras layer's weights; variances stay positive."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if np.issubdtype(np.dtype(weight.dtype), np.floating):
            values = rng.normal(size=weight.shape) * 0.5
            weight.assign((np.abs(values) + 0.5 if "variance" in weight.name else values).astype(weight.dtype))
    if hasattr(layer, "finalize_state"):  # preprocessing layers keep a copy of their moments
        layer.finalize_state()


def to_fkeras(reference: Any, layer: Any, variables: Any, args: Any) -> dict[str, Any]:
    """A Keras layer's weights in the structure of an fkeras layer's variables.

    Args:
        reference: the Keras layer.
        layer, variables: the fkeras layer and its variables.
        args: the inputs of its call.
    """
    import keras

    class Holder(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.layer = reference
            self.built = True

    places, _ = layout(layer, variables, args)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "layer.weights.h5"
        Holder().save_weights(path)
        with path.open("rb") as bytes_, WeightsFile(bytes_, str(path), path.stat().st_size) as file:
            found = {at.removeprefix("layer/"): file.read(at) for at in file.specs if "seed_generator" not in at}
    assert set(found) == set(places), (sorted(found), places)
    arrays = {places[at]: array for at, array in found.items()}

    def put(path: Any, leaf: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return arrays.get(name, leaf)

    return jax.tree_util.tree_map_with_path(put, variables)
