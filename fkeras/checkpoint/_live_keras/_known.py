"""One live layer of Keras as a layer of fkeras: by its config where each class in it is known, else as a guest."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import ModuleType

from ...core import Layer, deserialize
from ...core.typing import Config, PyTree
from ...nn import Lambda
from ._guest import KerasLayer, Live
from ._library import LiveObject
from ._own_layer import OWN

# What the functions that a layer holds are called while its config is read.
_LIVE = "the live "


def leaf_layer(keras: ModuleType, layer: LiveObject, as_guest: bool) -> Layer:
    """The fkeras layer for a live layer that is no model with a graph.

    Args:
        keras: the library.
        layer: the layer.
        as_guest: whether it must be a guest: fkeras's layer of its config has other weights.
    """
    if type(layer).__name__ == OWN and isinstance(layer.layer, Layer):
        return layer.layer  # what `fk.to_keras` put a Keras layer around
    known = None if as_guest or _is_quantized(layer) else _by_config(keras, layer)
    if known is not None:
        return known
    return KerasLayer(live=Live(layer), name=layer.name, trainable=bool(getattr(layer, "trainable", True)))


def is_of_keras(value: object) -> bool:
    """Whether an object's class is Keras's own, and no subclass of one."""
    return bool(type(value).__module__.partition(".")[0] == "keras")


def is_known_config(config: PyTree) -> bool:
    """Whether each object in a config is of a class or function of Keras's own."""
    return all(map(_is_known, _records(config)))


def _is_quantized(layer: LiveObject) -> bool:
    parts = [layer, *_inside(layer)]
    return any(
        getattr(getattr(part, "dtype_policy", None), "quantization_mode", None) is not None
        or getattr(part, "lora_enabled", False)
        for part in parts
    )


def _inside(layer: LiveObject) -> Iterator[LiveObject]:
    for value in vars(layer).values():
        if hasattr(value, "dtype_policy") and hasattr(value, "weights"):
            yield value


def _by_config(keras: ModuleType, layer: LiveObject) -> Layer | None:
    """The layer that its config describes; `None` where fkeras does not know all of it."""
    if not is_of_keras(layer):
        return None
    if isinstance(layer, keras.layers.Lambda):
        return Lambda(
            layer.function, mask=layer.mask, arguments=layer.arguments, name=layer.name, trainable=layer.trainable
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # of lambdas, whose code is not read here
            record: Config = keras.saving.serialize_keras_object(layer)
    except (NotImplementedError, TypeError, ValueError):
        return None
    config, functions = with_live_functions(layer, {**record["config"], **_adapted(layer, record["config"])})
    if not is_known_config(config):
        return None
    entry = {key: record[key] for key in ("module", "class_name", "registered_name")} | {"config": config}
    try:
        made = deserialize(entry, functions, ("keras.layers", "keras"))
    except (ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError):
        return None  # an argument that fkeras does not take: the live layer itself does what it says
    return made if isinstance(made, Layer) else None


def _adapted(layer: LiveObject, config: Config) -> Config:
    """What a preprocessing layer learnt from data and keeps out of its config, as arguments."""
    found: Config = {}
    if "vocabulary" in config and config["vocabulary"] is None and hasattr(layer, "get_vocabulary"):
        found["vocabulary"] = [*map(_plain, layer.get_vocabulary(include_special_tokens=False))]
    if "bin_boundaries" in config and config["bin_boundaries"] is None and layer.bin_boundaries is not None:
        found |= {"bin_boundaries": [*map(float, layer.bin_boundaries)], "num_bins": None}
    return found


def _plain(entry: PyTree) -> PyTree:
    return entry.item() if hasattr(entry, "item") else entry


def with_live_functions(layer: PyTree, config: Config) -> tuple[Config, Config]:
    """A config in which functions of the user's own are those that the layer holds."""
    functions: Config = {}
    for key, value in config.items():
        live = getattr(layer, key, None)
        records = list(_records(value))
        is_own = isinstance(value, dict) and not (records and all(map(_is_known, records)))
        # Keras's initializers take no key, so a layer with a function of one's own for one is a guest
        if is_own and callable(live) and not hasattr(live, "get_config") and not key.endswith("initializer"):
            token = f"{_LIVE}{key}"
            functions[token] = live
            config[key] = {"module": None, "class_name": "function", "config": token, "registered_name": token}
    return config, functions


def _is_known(record: Config) -> bool:
    """Whether a record is of a class or function of Keras's own, or of one that is at hand."""
    module, name = str(record.get("module") or ""), str(record["class_name"])
    if str(record.get("registered_name")).startswith(_LIVE):
        return True
    return module == "keras" or module.startswith("keras.") or (name.startswith("__") and name != "__lambda__")


def _records(config: PyTree) -> Iterator[Config]:
    if isinstance(config, dict):
        if "class_name" in config and "config" in config:
            yield config
        for part in config.values():
            yield from _records(part)
    elif isinstance(config, list | tuple):
        for part in config:
            yield from _records(part)
