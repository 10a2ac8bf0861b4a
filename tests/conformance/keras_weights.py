"""The same weights in a Keras layer and in fkeras variables."""

from __future__ import annotations

import re
from typing import Any

import jax.numpy as jnp
import numpy as np

# Keras's name of a weight -> collection and leaf in fkeras; names that are not here are the same.
LEAVES = {
    "gamma": ("params", "scale"),
    "beta": ("params", "bias"),
    "moving_mean": ("batch_stats", "mean"),
    "moving_variance": ("batch_stats", "var"),
    "embeddings": ("params", "embedding"),
    "mean": ("non_trainable", "mean"),
    "variance": ("non_trainable", "variance"),
    "count": ("non_trainable", "count"),
}
# Keras's name of a layer inside a layer -> fkeras's scope; None is the layer's own.
SCOPES = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "out",
    "lstm_cell": None,
    "gru_cell": None,
}


def randomise(layer: Any, seed: int = 0) -> None:
    """Random values in all of a Keras layer's weights; variances stay positive."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if np.issubdtype(np.dtype(weight.dtype), np.floating):
            values = rng.normal(size=weight.shape) * 0.5
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.name else values)
    if hasattr(layer, "finalize_state"):  # preprocessing layers keep a copy of their moments
        layer.finalize_state()


def to_fkeras(layer: Any, prefix: str = "") -> dict[str, Any]:
    """A Keras layer's weights as fkeras variables."""
    variables: dict[str, Any] = {"params": {}}
    for weight in layer.weights:
        if "seed_generator" in weight.path:
            continue
        *path, name = weight.path.split("/")
        collection, leaf = LEAVES.get(name, ("params", name))
        scopes = [SCOPES[p] for p in path[1:] if re.sub(r"_\d+$", "", p) in SCOPES and SCOPES[p]]
        place = variables.setdefault(collection, {})
        for scope in scopes:
            place = place.setdefault(scope, {})
        place[leaf] = jnp.asarray(np.asarray(weight.value))
    return variables
