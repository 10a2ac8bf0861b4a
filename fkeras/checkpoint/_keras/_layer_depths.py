"""The order of a functional model's layers in Keras: by how far from the outputs they are, the farthest first.

Keras numbers weights by that order in HDF5 files, and in the state of optimizers. Reference:
https://github.com/keras-team/keras/blob/v3.15.1/keras/src/ops/function.py
"""

from __future__ import annotations

from collections.abc import Mapping

from ...core import Layer, model_record
from ...core.typing import Config, PyTree

_Call = tuple[str, int]


def record_in_order(model: Layer) -> Config | None:
    """The record of a model with its layers, and those of the models within it, in Keras's order.

    Returns:
        The record; `None` of a model that has none, as a part of it is no description.
    """
    try:
        return in_order(model_record(model))
    except TypeError:
        return None


def in_order(record: PyTree) -> PyTree:
    """A record in Keras 3's form with the layers of each functional model in Keras's order."""
    if isinstance(record, list):
        return [in_order(part) for part in record]
    if not isinstance(record, Mapping):
        return record
    found = {key: in_order(part) for key, part in record.items()}
    config = found.get("config")
    if isinstance(config, dict) and isinstance(config.get("layers"), list) and "output_layers" in config:
        entries = {str(entry["name"]): entry for entry in config["layers"]}
        found["config"] = {**config, "layers": [entries[name] for name in _names(entries, config)]}
    return found


def _names(entries: Mapping[str, Config], config: Config) -> list[str]:
    """The names of layers by depth, and within one depth in the order of a walk back from the outputs."""
    found: dict[str, int] = {}
    done: dict[_Call, None] = {}
    stack = [(call, False) for call in reversed(_ends(config["output_layers"], entries))]
    while stack:
        call, is_left = stack.pop()
        if is_left:
            done[call] = None
            continue
        if call in done or call[0] not in entries:
            continue
        found.setdefault(call[0], len(found))
        stack.append((call, True))
        stack += [(before, False) for before in reversed(_before(entries, call)) if before not in done]
    depths: dict[_Call, int] = {}
    of_layer: dict[str, int] = {}
    for call in reversed(done):
        depth = max(depths.get(call, 0), of_layer.get(call[0], 0))
        of_layer[call[0]] = depths[call] = depth
        for before in _before(entries, call):
            depths[before] = max(depths.get(before, 0), depth + 1)
    for name in entries:
        of_layer.setdefault(name, 0)
        found.setdefault(name, len(found))
    return sorted(entries, key=lambda name: (-of_layer[name], found[name]))


def _before(entries: Mapping[str, Config], call: _Call) -> list[_Call]:
    """The calls whose outputs a call takes."""
    calls = entries[call[0]].get("inbound_nodes") or []
    return _tensors(calls[call[1]]) if 0 <= call[1] < len(calls) else []


def _tensors(value: PyTree) -> list[_Call]:
    if isinstance(value, Mapping):
        config = value.get("config")
        if value.get("class_name") == "__keras_tensor__" and isinstance(config, Mapping):
            name, call, _ = config["keras_history"]
            return [(name, call)]
        return [found for part in value.values() for found in _tensors(part)]
    return [found for part in value for found in _tensors(part)] if isinstance(value, list | tuple) else []


def _ends(value: PyTree, entries: Mapping[str, Config]) -> list[_Call]:
    if isinstance(value, Mapping):
        return [end for part in value.values() for end in _ends(part, entries)]
    if isinstance(value, list | tuple) and len(value) == 3 and isinstance(value[0], str):
        inner = entries.get(value[0], {})
        is_graph = inner.get("class_name") == "Functional"  # it counts the link between its own ends
        return [(value[0], max(value[1] - is_graph, 0))]
    return [end for part in value for end in _ends(part, entries)] if isinstance(value, list | tuple) else []
