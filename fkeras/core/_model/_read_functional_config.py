"""A functional model from Keras's config: its layers first, then their calls, each after those that it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from .._graph._op import Op
from .._graph._ops_config import is_op_entry, op_of
from .._graph._ops_limits import check_result
from .._graph._symbolic import SymbolicTensor
from .._layer._build_config import check_build_config
from .._layer._layer import Layer
from .._layer._trainable import told
from .._words._config import deserialize
from .._words._config_errors import at
from .._words._errors import did_you_mean, explain
from .._words._reading_budget import Reading
from ..typing import JSON, Config, CustomObjects
from ._call_order import CallId, in_order
from ._input import InputLayer, tensor_of
from ._keras_history import History, map_ends, own_calls
from ._read_call import Outputs, recorded_call


def model_from_graph_config(cls: Any, config: Mapping[str, JSON], custom_objects: CustomObjects | None = None) -> Any:
    """A functional model of class `cls` from its config.

    Raises:
        ValueError: calls that wait for each other (a cycle) or for a layer that is not there.
    """
    reading = Reading.of(custom_objects)
    check_keys(config, ("name", "trainable", "dtype", "layers", "input_layers", "output_layers"), "A functional model")
    entries = _entries(config["layers"])
    operations: dict[str, Layer | Op] = {}
    outputs: Outputs = {}
    calls: dict[CallId, Config] = {}
    for name, entry in entries.items():
        with at("layers", name):
            operations[name] = operation = _operation(entry, reading)
            if config.get("trainable") is False and not isinstance(operation, InputLayer):
                operations[name] = told(operation)
            inbound = _list_of(entry.get("inbound_nodes") or [], "inbound_nodes")
            if isinstance(operation, InputLayer):
                outputs[name, 0] = [tensor_of(operation)]
                check_result(outputs[name, 0])
            else:
                calls.update({(name, i): call for i, call in enumerate(inbound)})
    for name, index in in_order(calls, outputs, entries):
        with at("layers", name, "inbound_nodes", index):
            result = recorded_call(operations[name], entries[name], calls[name, index], outputs, reading)
            outputs[name, index] = jax.tree.leaves(result)
    for name, entry in entries.items():
        first = outputs.get((name, 0))
        with at("layers", name):
            check_build_config(operations[name], entry.get("build_config"), first[0].node if first else None)

    def find(history: History) -> SymbolicTensor:
        name, call, output = history
        key = (name, max(call - own_calls(operations.get(name)), 0))
        if call < 0 or key not in outputs or not 0 <= output < len(outputs[key]):
            raise ValueError(explain(f"The config has no tensor {list(history)}.", usually=did_you_mean(name, entries)))
        return outputs[key][output]

    ends = []
    for which in ("input_layers", "output_layers"):
        with at(which):
            ends.append(map_ends(config[which], find))
    extra = {key: config[key] for key in ("name", "trainable") if config.get(key) is not None}
    return cls(*ends, **extra)


def check_keys(config: Mapping[str, JSON], known: Sequence[str], what: str) -> None:
    """Refuse a config that says something of which nothing here would come.

    Raises:
        ValueError: naming it.
    """
    unknown = [key for key in config if key not in known]
    if unknown:
        raise ValueError(
            explain(
                f"{what} has no {unknown[0]!r}.",
                received=f"config keys {sorted(map(str, config))}"[:300],
                usually=did_you_mean(unknown[0], known),
            )
        )
    if not isinstance(config.get("trainable", True), bool):
        raise ValueError(explain("`trainable` is true or false.", received=repr(config["trainable"])[:80]))


def _entries(layers: JSON) -> dict[str, Config]:
    """The layers' records by name."""
    listed = _list_of(layers, "layers")
    for i, entry in enumerate(listed):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str) or "config" not in entry:
            with at("layers", i):
                raise ValueError(
                    explain(
                        "A layer's record holds its name, its class_name and its config.",
                        received=repr(entry)[:80],
                        usually="the file is damaged or was edited.",
                    )
                )
    entries = {entry["name"]: entry for entry in listed}
    if len(entries) != len(listed):
        names = [entry["name"] for entry in listed]
        twice = sorted({n for n in names if names.count(n) > 1}) if len(names) < 1_000 else "some of thousands"
        raise ValueError(explain("Two layers of the config share a name.", received=twice))
    return entries


def _list_of(value: JSON, what: str) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    raise ValueError(
        explain(f"`{what}` is a list.", received=repr(value)[:80], usually="the file is damaged or was edited.")
    )


def _operation(entry: Config, reading: Reading) -> Layer | Op:
    """The layer or op of a record."""
    if is_op_entry(entry):
        class_name = entry.get("class_name")
        if not isinstance(class_name, str) or not isinstance(entry["config"], Mapping):
            raise ValueError(explain("An op's record holds its class_name and its config.", received=f"{entry!r:.80}"))
        return op_of(class_name, str(entry.get("module") or ""))
    inner = entry["config"]
    if isinstance(inner, Mapping) and inner.get("name") is None:
        inner = {**inner, "name": entry["name"]}
    layer = deserialize({**entry, "config": inner}, reading, ("keras.layers", "keras"))
    if isinstance(layer, Layer):
        return layer
    raise ValueError(explain("A graph is of layers and ops.", received=f"a {type(layer).__name__}: {layer!r:.80}"))
