"""Which layers train: the innermost layer that was told decides, as Keras's flag of each layer does.

Keras sets the flags of all layers inside a layer at the moment when its own is set, and each may be set again later. A
description has no moments. `trainable=False` holds for a layer and all inside it, but for those that are marked
`_unfrozen`: told to train by `unfreeze`, `map_layers` or a config, though a layer around them does not. In a config, as
in Keras's, every layer's own flag counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax
from flax import linen

from ..typing import JSON, Config, PyTree

if TYPE_CHECKING:
    from ._layer import Layer


def told(value: PyTree) -> PyTree:
    """What was read from the config of a layer that does not train: the layers in it that do are marked."""

    def mark(leaf: PyTree) -> PyTree:
        if getattr(leaf, "trainable", False) and hasattr(leaf, "_unfrozen"):
            return leaf.clone(parent=None, name=leaf.name, _unfrozen=True)
        return leaf

    return jax.tree.map(mark, value, is_leaf=lambda leaf: isinstance(leaf, linen.Module))


def at_rest(config: Config, layer: Layer) -> Config:
    """The config of a layer that does not train: those in it that follow it say so themselves."""
    if layer.trainable:
        return config
    config = dict(config)
    description = getattr(layer, "_description", None)
    arguments = {} if description is None else description.config
    if isinstance(config.get("layers"), list) and hasattr(layer, "graph"):
        by_name = {sub.name: sub for sub in layer.layers}
        config["layers"] = [_resting(entry, by_name.get(entry["config"].get("name"))) for entry in config["layers"]]
        return config
    for key, entry in config.items():
        config[key] = _resting(entry, arguments.get(key, getattr(layer, key, None)))
    return config


def _resting(entry: JSON, value: PyTree) -> JSON:
    """The part of a config that describes `value`, a layer or several."""
    if isinstance(value, list | tuple) and isinstance(entry, list) and len(entry) == len(value):
        return [_resting(e, v) for e, v in zip(entry, value, strict=True)]
    if not isinstance(entry, Mapping):
        return entry
    if isinstance(value, Mapping):
        return {key: _resting(e, value.get(key)) for key, e in entry.items()}
    inner = entry.get("config")
    if not isinstance(inner, Mapping) or not hasattr(value, "_unfrozen") or value._unfrozen:
        return entry
    flag = {"trainable": False} if "trainable" in inner else {}
    return {**entry, "config": at_rest({**inner, **flag}, value.clone(parent=None, name=value.name, trainable=False))}
