"""What a network is, as a few numbers: the same of one of real Keras and of one of `fk.applications`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

# What real Keras writes of a model inside a model and fkeras does not, or otherwise: its layers are looked at instead.
_OF_MODELS = ("Sequential", "Functional")


def described(model: Any, serialize: Any) -> dict[str, Any]:
    """A network's name, how many layers and weights it has, and a digest of its layers.

    Args:
        model: of real Keras or of fkeras.
        serialize: the config of a layer, of the same library.
    """
    rows = _rows(model, serialize)
    text = json.dumps(rows, sort_keys=True)
    return {
        "name": model.name,
        "layers": len(rows),
        "params": model.count_params(),
        "output": list(model.output_shape),
        "digest": hashlib.sha256(text.encode()).hexdigest()[:16],
    }


def _rows(model: Any, serialize: Any) -> list[Any]:
    """Of each layer its name, class, output shape, config and what it is called on, in the order of `model.layers`."""
    rows: list[Any] = []
    nodes = {node["name"]: node for node in model.get_config()["layers"] if "inbound_nodes" in node}
    layers = {layer.name for layer in model.layers}
    for layer in model.layers:
        kind, shape = type(layer).__name__, list(layer.output.shape)
        inputs = _called_on(nodes, layers, layer.name) if layer.name in nodes else []
        if kind in _OF_MODELS:
            rows.append([layer.name, kind, shape, inputs])
            inside = [part for part in layer.layers if type(part).__name__ != "InputLayer"]
            rows += [[part.name, type(part).__name__, _config(serialize(part))] for part in inside]
        else:
            rows.append([layer.name, kind, shape, _config(serialize(layer)), inputs])
    return rows


def _config(written: dict[str, Any]) -> dict[str, Any]:
    """A layer's config; Keras's LayerNormalization writes its axis as a list once it is built."""
    config = dict(written["config"])
    return {**config, "axis": [config["axis"]]} if isinstance(config.get("axis"), int) else config


def _called_on(nodes: dict[str, Any], layers: set[str], name: str) -> list[Any]:
    """The layers and the constants that a node is called on; an operation, `inputs + x`, by what it is called on.

    The names of operations count what is no layer, and do so in another order here and there.
    """
    found: list[Any] = []

    def look(value: Any) -> None:
        if isinstance(value, dict) and "keras_history" in value.get("config", {}):
            before = value["config"]["keras_history"][0]
            is_layer = before in layers
            found.append(before if is_layer else _operation(nodes, layers, before))
        elif isinstance(value, dict):
            for key in sorted(value):
                look(value[key])
        elif isinstance(value, list | tuple):
            for part in value:
                look(part)
        elif isinstance(value, int | float):
            found.append(value)

    look([call["args"] for call in nodes[name]["inbound_nodes"]])
    return found


def _operation(nodes: dict[str, Any], layers: set[str], name: str) -> list[str]:
    """An operation, by its class and a digest of what it is called on, which may be a long chain of others."""
    node = nodes[name]
    if "digest" not in node:
        text = json.dumps(_called_on(nodes, layers, name))
        node["digest"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return [node["class_name"], node["digest"]]
