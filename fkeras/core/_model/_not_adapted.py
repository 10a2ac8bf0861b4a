"""Layers of a model that `adapt` would fill and did not, so that data pass through them unchanged."""

from __future__ import annotations

import warnings

import jax

from .._layer._layer import Layer
from .._layer._sublayers import walk
from .._words._errors import explain
from ..typing import PyTree


def warn_of_layers_not_adapted(model: Layer, key: PyTree) -> None:
    """Say which layers of a model, whose variables are made now, were described before they were adapted.

    Where the key is traced, shapes are asked for as a rule, of variables that a file has: then nothing is said.
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(key)):
        return
    told = [f"{'/'.join(path)!r}: {layer._not_adapted}" for path, layer in walk(model) if layer._not_adapted]
    if told:
        warnings.warn(
            explain(
                f"{model.path_text()} has layers that were not adapted.",
                received="; ".join(told),
                usually="`adapt` returns a new layer, and its result was not kept.",
                write="layer = layer.adapt(data), before the model is described; or variables that were saved",
            ),
            stacklevel=3,
        )
