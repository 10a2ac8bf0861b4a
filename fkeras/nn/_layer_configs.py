"""Layers as configs: what Keras's `serialize` and `deserialize` of layers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import Layer, explain, serialize_object
from ..core import deserialize as deserialize_value
from ..core.typing import Config, CustomObjects


def serialize(layer: Layer) -> Config:
    """A layer as Keras's config.

    Args:
        layer: the layer.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`, of JSON's types.

    >>> import fkeras as fk
    >>> fk.nn.serialize(fk.nn.Flatten())["class_name"]
    'Flatten'

    Reference: https://keras.io/api/layers/base_layer/
    """
    return serialize_object(layer)


def deserialize(config: Mapping[str, Any], custom_objects: CustomObjects | None = None) -> Layer:
    """The layer that a config describes.

    Args:
        config: what `serialize`, or Keras, made of a layer.
        custom_objects: classes and functions of your own, by the name that the config has for them.

    Returns:
        A layer without weights.

    Raises:
        ValueError: an unknown class, or something that is no layer.

    >>> import fkeras as fk
    >>> fk.nn.deserialize(fk.nn.serialize(fk.nn.Dense(3))).units
    3

    Reference: https://keras.io/api/layers/base_layer/
    """
    layer = deserialize_value(config, custom_objects, ("keras.layers", "keras"))
    if not isinstance(layer, Layer):
        raise ValueError(explain("This config is of no layer.", received=type(layer).__name__))
    return layer
