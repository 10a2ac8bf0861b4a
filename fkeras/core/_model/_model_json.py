"""A model as a record, in Keras 3's own shape, and as JSON text; and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._layer._bound_sublayers import Path
from .._layer._build_config import check_build_of_model
from .._layer._layer import Layer
from .._layer._sublayers import walk
from .._old_configs._old_records import in_keras_3_form
from .._words._config import deserialize, serialize_object
from .._words._config_errors import at, described
from .._words._errors import explain
from .._words._json import read_json
from .._words._reading_budget import Reading
from ..typing import JSON, Config, CustomObjects
from ._keras_history import in_lists
from ._looking_inside import LooksInside
from ._map_layers import map_layers_with_path
from ._write_functional_config import layer_entry


# ------------------------------------------------------------------ model -> record
def model_record(model: Layer) -> Config:
    """A model's class, config and input shape: what `to_json` writes.

    Returns:
        What `model_from_config` reads.
    """
    record = layer_entry(model, None)
    shape = in_lists(model.input_shape) if isinstance(model, LooksInside) and model.graph is not None else None
    record["build_config"] = {"input_shape": shape}
    inside = _stored_inside(model)
    if inside:
        record["weights_inside"] = inside
    return record


def to_json(model: Layer, **kwargs: Any) -> str:
    """The model's record as JSON text; `kwargs` are `json.dumps`'s."""
    return json.dumps(model_record(model), **kwargs)


def _stored_inside(model: Layer) -> Config:
    """How layers keep their weights, and run, that a user's `__init__` makes, so that no config holds them; by path."""
    layers = list(walk(model))
    if all(layer._description is None for layer in (model, *(sub for _, sub in layers))):
        return {}
    return {
        "/".join(path): {
            **({} if layer._weights_as is None else {"weights_as": serialize_object(layer._weights_as)}),
            **({} if layer._remat is None else {"remat": layer._remat}),
            "trainable": layer.trainable,
        }
        for path, layer in layers
        if layer._weights_as is not None or layer._remat is not None
    }


# ------------------------------------------------------------------ record -> model
def model_from_json(json_string: str | bytes, custom_objects: CustomObjects | None = None) -> Any:
    """The model that `to_json`, or real Keras's, described.

    Args:
        json_string: the text.
        custom_objects: the user's classes and functions by name.

    Returns:
        The model: a `Model`, a `Sequential`, or an instance of a class in `custom_objects`.

    Raises:
        ValueError: not JSON, an unknown class, a graph that does not hang together, or one that costs more to read
            than a model does.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> fk.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    if not isinstance(json_string, str | bytes):
        raise TypeError(
            explain(
                "model_from_json takes JSON text.",
                received=type(json_string).__name__,
                usually="the config itself was passed.",
                write="fk.model_from_json(model.to_json()), or type(model).from_config(config)",
            )
        )
    if _is_yaml(json_string):
        raise ValueError(
            explain(
                "The text is YAML, which is not read.",
                received=repr(json_string[:40]),
                usually="model.to_yaml() of Keras 1 and 2 wrote it; Keras took it out, as YAML can name code to run.",
                write="fk.model_from_json(json.dumps(yaml.safe_load(text)))   # model.to_json() writes JSON",
            )
        )
    config = read_json(json_string, "This model's JSON")
    with described("the model's JSON"):
        return model_from_config(config, custom_objects)


def _is_yaml(text: str | bytes) -> bool:
    """Whether a text is the description of a model in YAML: lines of `class_name: Sequential` and no braces first."""
    start = text[:4096] if isinstance(text, str) else text[:4096].decode("utf-8", "replace")
    return not start.lstrip("\ufeff \t\r\n").startswith(("{", "[")) and "class_name:" in start


def model_from_config(config: JSON, custom_objects: CustomObjects | None = None) -> Any:
    """The model of a record such as `model_record` makes; what reading it costs is bounded.

    Returns:
        The model: a `Model`, a `Sequential`, or an instance of a class in `custom_objects`.

    Raises:
        ValueError: see `model_from_json`; other errors come as they are, with the place in the config noted on them.
    """
    if not isinstance(config, Mapping) or "class_name" not in config:
        raise ValueError(
            explain("This JSON describes no model.", received=str(config)[:80], write="the text of model.to_json()")
        )
    reading = Reading.of(custom_objects)
    reading.budget.examine(config)
    config = in_keras_3_form(dict(config), reading)
    with at("config"):
        model = deserialize(config, reading, ("keras", "keras.layers"))
    check_build_of_model(model, config.get("build_config"))
    inside = config.get("weights_inside")
    return _store_inside(model, inside, reading) if inside else model


def _store_inside(model: Any, inside: JSON, custom_objects: CustomObjects) -> Any:
    if not isinstance(inside, Mapping):
        raise ValueError(explain("weights_inside maps paths to records.", received=repr(inside)[:80]))

    def change(layer: Layer, path: Path) -> Layer:
        entry: Any = inside.get("/".join(path))
        if entry is None:
            return layer
        stored = layer
        if entry.get("weights_as") is not None:
            stored = layer.stored_as(deserialize(entry["weights_as"], custom_objects, ("fkeras",)))
        if entry.get("remat") is not None:
            stored = stored._with_remat(entry["remat"])
        if stored.trainable != entry["trainable"]:
            stored = stored.replace(trainable=bool(entry["trainable"]))
        return stored

    return map_layers_with_path(model, change)
