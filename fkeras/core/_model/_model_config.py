"""A model as JSON, in Keras 3's own shape, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jax

from .._graph._graph import Graph
from .._graph._ops_config import facts_of, is_op_entry, op_of, split_arguments
from .._graph._ops_limits import check_call, check_op, check_result
from .._graph._symbolic import Node, Op, SymbolicTensor, record
from .._layer._build_config import alike, build_config_of, check_build_config, check_build_of_model, check_shapes
from .._layer._layer import Layer
from .._layer._trainable import told
from .._words._config import deserialize, deserialize_at, serialize, serialize_object
from .._words._config_errors import at, described
from .._words._dtypes import dtype_name
from .._words._errors import did_you_mean, explain
from .._words._json import read_json
from .._words._naming import free_name
from .._words._reading_budget import Reading
from ._input import InputLayer, tensor_of
from ._map_layers import map_layers_with_path
from ._sublayers import walk

_TENSOR = "__keras_tensor__"


# ------------------------------------------------------------------ model -> config
def layer_entry(layer: Layer, graph: Graph | None) -> dict[str, Any]:
    """A layer's record: address, config, and the input shape its weights were made for."""
    entry = serialize_object(layer)
    if getattr(layer, "graph", None) is not None and _is_graph_model(layer):
        entry.update(module="keras.src.models.functional", class_name="Functional", registered_name="Functional")
    calls = graph.calls_of_index.get(id(layer)) if graph is not None else None
    if calls and calls[0].variables.get("params"):
        entry["build_config"] = build_config_of(layer, calls[0])
    return entry


def _is_graph_model(layer: Any) -> bool:
    return type(layer).__name__ == "Model" and type(layer).__module__.startswith("fkeras.")


def graph_config(model: Any) -> dict[str, Any]:
    """`{"name", "trainable", "layers", "input_layers", "output_layers"}` of a functional model."""
    graph: Graph = model.graph
    places, extra = _placeholders(graph)
    entries = [_input_entry(tensor, name) for tensor, name in extra]
    order = _node_index(graph)
    for operation in graph.operations:
        entry: dict[str, Any]
        name: Any
        if isinstance(operation, Node):
            check_op(operation.operation.name)  # what no file may call is not written to one
            facts = facts_of(operation.operation.name)
            name = graph.name_of(operation)
            args, kwargs = jax.tree.unflatten(operation.treedef, operation.leaves)
            settings = split_arguments(operation.operation, args, kwargs)[2]
            entry = {
                "module": facts.module,
                "class_name": facts.class_name,
                "config": {"name": name, **{k: serialize(v) for k, v in settings.items()}},
                "registered_name": facts.class_name,
            }
            calls = [operation]
        else:
            entry, name = layer_entry(operation, graph), str(operation.name)
            calls = graph.calls_of_index.get(id(operation), [])
        inbound = [_call_config(node, graph, places, order) for node in calls]
        entries.append({**entry, "name": name, "inbound_nodes": inbound})

    def history(tensor: SymbolicTensor) -> list[Any]:
        name, index, place = _history(tensor, graph, places, order)
        return [name, index + _own_nodes(tensor.node.operation), place]

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": entries,
        "input_layers": _ends(graph.inputs, history),
        "output_layers": _ends(graph.outputs, history),
    }


def _own_nodes(operation: Any) -> int:
    """A functional model counts the link between its own ends as its first call, in the ends of a model around it."""
    return int(getattr(operation, "graph", None) is not None and _is_graph_model(operation))


def _ends(tree: Any, history: Any) -> Any:
    return history(tree) if isinstance(tree, SymbolicTensor) else jax.tree.map(history, _listed(tree))


def _listed(tree: Any) -> Any:
    """Tuples as lists, all the way down: JSON has no tuples."""
    if isinstance(tree, list | tuple):
        return [_listed(v) for v in tree]
    return {k: _listed(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree


def _placeholders(graph: Graph) -> tuple[dict[tuple[int, int], str], list[tuple[SymbolicTensor, str]]]:
    """A name for each input, and those that are inner tensors of another graph and so have no input layer here."""
    places: dict[tuple[int, int], str] = {}
    extra = []
    taken = {layer.name for layer in graph.layers}
    for tensor in jax.tree.leaves(graph.inputs):
        if isinstance(tensor.node.operation, InputLayer):
            places[id(tensor.node), tensor.index] = str(tensor.node.operation.name)
        else:
            name = free_name("input_layer", taken)
            taken.add(name)
            places[id(tensor.node), tensor.index] = name
            extra.append((tensor, name))
    return places, extra


def _input_entry(tensor: SymbolicTensor, name: str) -> dict[str, Any]:
    layer = InputLayer(batch_shape=tensor.shape, dtype=dtype_name(tensor.dtype), name=name)
    return {**serialize_object(layer), "name": name, "inbound_nodes": []}


def _node_index(graph: Graph) -> dict[int, int]:
    """Which call of its layer each node is."""
    return {id(node): i for calls in graph.calls_of_index.values() for i, node in enumerate(calls)}


def _history(tensor: SymbolicTensor, graph: Graph, places: Any, order: dict[int, int]) -> list[Any]:
    place = places.get((id(tensor.node), tensor.index))
    if place is not None:
        return [place, 0, 0]
    return [graph.name_of(tensor.node), order[id(tensor.node)], tensor.index]


def _call_config(node: Node, graph: Graph, places: Any, order: dict[int, int]) -> dict[str, Any]:
    def write(leaf: Any) -> Any:
        if not isinstance(leaf, SymbolicTensor):
            return serialize(leaf)
        config = {
            "shape": list(leaf.shape),
            "dtype": dtype_name(leaf.dtype),
            "keras_history": _history(leaf, graph, places, order),
        }
        return {"class_name": _TENSOR, "config": config}

    args, kwargs = jax.tree.unflatten(node.treedef, [_Written(write(leaf)) for leaf in node.leaves])
    if isinstance(node.operation, Op):
        args, kwargs, _ = split_arguments(node.operation, args, kwargs)
    return {"args": _unwrap(list(args)), "kwargs": _unwrap(kwargs)}


class _Written:
    """A leaf that is already JSON, so that no tree function looks inside it."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _unwrap(tree: Any) -> Any:
    if isinstance(tree, _Written):
        return tree.value
    if isinstance(tree, list | tuple):
        return [_unwrap(v) for v in tree]
    return {k: _unwrap(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree


def to_json(model: Any, **kwargs: Any) -> str:
    """The model's record as JSON text; `kwargs` are `json.dumps`'s."""
    entry = layer_entry(model, None)
    graph = getattr(model, "graph", None)
    entry["build_config"] = {"input_shape": None if graph is None else _listed(model.input_shape)}
    inside = _stored_inside(model)
    if inside:
        entry["weights_inside"] = inside
    return json.dumps(entry, **kwargs)


def _stored_inside(model: Layer) -> dict[str, Any]:
    """How layers keep their weights that a user's `__init__` makes, so that no config holds them; by path."""
    layers = list(walk(model))
    if all(layer._description is None for layer in (model, *(sub for _, sub in layers))):
        return {}
    return {
        "/".join(path): {"weights_as": serialize_object(layer._weights_as), "trainable": layer.trainable}
        for path, layer in layers
        if layer._weights_as is not None
    }


def _store_inside(model: Any, inside: Any, custom_objects: Any) -> Any:
    if not isinstance(inside, Mapping):
        raise ValueError(explain("weights_inside maps paths to records.", received=repr(inside)[:80]))

    def change(layer: Layer, path: Any) -> Layer:
        entry = inside.get("/".join(path))
        if entry is None:
            return layer
        made = layer.stored_as(deserialize(entry["weights_as"], custom_objects, ("fkeras",)))
        return made if made.trainable == entry["trainable"] else made.replace(trainable=bool(entry["trainable"]))

    return map_layers_with_path(model, change)


# ------------------------------------------------------------------ config -> model
def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `to_json`, or real Keras's, described.

    Args:
        json_string: the text.
        custom_objects: the user's classes and functions by name.

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
    config = read_json(json_string, "This model's JSON")
    with described("the model's JSON"):
        return model_from_config(config, custom_objects)


def model_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of a record such as `to_json` writes; what reading it costs is bounded.

    Raises:
        ValueError: see `model_from_json`; other errors come as they are, with the place in the config noted on them.
    """
    if not isinstance(config, Mapping) or "class_name" not in config:
        raise ValueError(
            explain("This JSON describes no model.", received=str(config)[:80], write="the text of model.to_json()")
        )
    reading = Reading.of(custom_objects)
    reading.budget.examine(config)
    with at("config"):
        model = deserialize(config, reading, ("keras", "keras.layers"))
    check_build_of_model(model, config.get("build_config"))
    inside = config.get("weights_inside")
    return _store_inside(model, inside, reading) if inside else model


def model_from_graph_config(cls: Any, config: Mapping[str, Any], custom_objects: Any = None) -> Any:
    """A functional model from its config: layers first, then their calls in an order in which their inputs are known.

    Raises:
        ValueError: calls that wait for each other (a cycle) or for a layer that is not there.
    """
    reading = Reading.of(custom_objects)
    check_keys(config, ("name", "trainable", "dtype", "layers", "input_layers", "output_layers"), "A functional model")
    entries = _entries(config["layers"])
    made: dict[str, Any] = {}
    outputs: dict[tuple[str, int], list[Any]] = {}
    calls: dict[tuple[str, int], Any] = {}
    for name, entry in entries.items():
        with at("layers", name):
            made[name] = _operation(entry, reading)
            if config.get("trainable") is False and not isinstance(made[name], InputLayer):
                made[name] = told(made[name])
            nodes = _list_of(entry.get("inbound_nodes") or [], "inbound_nodes")
            if isinstance(made[name], InputLayer):
                outputs[name, 0] = [tensor_of(made[name])]
                check_result(outputs[name, 0])
            else:
                calls.update({(name, i): call for i, call in enumerate(nodes)})
    for name, index in _in_order(calls, outputs, entries):
        with at("layers", name, "inbound_nodes", index):
            result = _call(made[name], entries[name], calls[name, index], outputs, reading)
            outputs[name, index] = jax.tree.leaves(result)
    for name, entry in entries.items():
        made_by = outputs.get((name, 0)) or [None]
        with at("layers", name):
            check_build_config(made[name], entry.get("build_config"), getattr(made_by[0], "node", None))

    def find(history: Any) -> SymbolicTensor:
        key = (history[0], max(history[1] - _own_nodes(made.get(history[0])), 0))
        if history[1] < 0 or key not in outputs or not 0 <= history[2] < len(outputs[key]):
            raise ValueError(
                explain(f"The config has no tensor {list(history)}.", usually=did_you_mean(history[0], entries))
            )
        return outputs[key][history[2]]

    ends = []
    for which in ("input_layers", "output_layers"):
        with at(which):
            ends.append(_map_ends(config[which], find))
    extra = {k: config[k] for k in ("name", "trainable") if config.get(k) is not None}
    return cls(*ends, **extra)


def check_keys(config: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
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


def _entries(layers: Any) -> dict[str, Mapping[str, Any]]:
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
        names = [e["name"] for e in listed]
        twice = sorted({n for n in names if names.count(n) > 1}) if len(names) < 1_000 else "some of thousands"
        raise ValueError(explain("Two layers of the config share a name.", received=twice))
    return entries


def _list_of(value: Any, what: str) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    raise ValueError(
        explain(f"`{what}` is a list.", received=repr(value)[:80], usually="the file is damaged or was edited.")
    )


def _in_order(calls: Mapping[tuple[str, int], Any], known: Any, entries: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The calls, each after those whose outputs it takes, in as many steps as there are links between them.

    A layer's own calls come in the order in which they are listed.
    """
    waits_for: dict[tuple[str, int], set[tuple[str, int]]] = {}
    feeds: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for key, call in calls.items():
        with at("layers", key[0], "inbound_nodes", key[1]):
            before = {(name, node) for name, node, _ in _histories(call)}
        before |= {(key[0], key[1] - 1)} if key[1] else set()
        waits_for[key] = {b for b in before if b not in known}
        for b in waits_for[key]:
            feeds.setdefault(b, []).append(key)
    ready = [key for key in calls if not waits_for[key]]
    order = []
    while ready:  # in rounds, so that what is listed first runs first, as it was written
        order += ready
        fed = [(key, later) for key in ready for later in feeds.get(key, ())]
        for key, later in fed:
            waits_for[later].discard(key)
        ready = list(dict.fromkeys(later for _, later in fed if not waits_for[later]))
    if len(order) < len(calls):
        done = set(order)
        stuck = [key for key in calls if key not in done]
        raise _stuck(sorted({n for n, _ in stuck}), [b for key in stuck for b in waits_for[key]], entries)
    return order


def _stuck(names: list[str], before: list[tuple[str, int]], entries: Mapping[str, Any]) -> ValueError:
    lost = sorted({name for name, _ in before if name not in entries})
    shown = names if len(names) <= 20 else [*names[:20], f"… ({len(names) - 20} more)"]
    return ValueError(
        explain(
            f"The layers {shown} wait for each other (a cycle)"
            + (f" or for {lost[:20]}, not in the config." * bool(lost) or "."),
            received=f"{len(before)} inputs that never come to be",
            usually="the config was edited by hand, or is damaged.",
            write="inbound_nodes whose keras_history names layers that run before",
        )
    )


def _operation(entry: Mapping[str, Any], reading: Reading) -> Any:
    if is_op_entry(entry):
        class_name = entry.get("class_name")
        if not isinstance(class_name, str) or not isinstance(entry["config"], Mapping):
            raise ValueError(explain("An op's record holds its class_name and its config.", received=f"{entry!r:.80}"))
        return op_of(class_name, str(entry.get("module") or ""))
    inner = entry["config"]
    if isinstance(inner, Mapping) and inner.get("name") is None:
        inner = {**inner, "name": entry["name"]}
    made = deserialize({**entry, "config": inner}, reading, ("keras.layers", "keras"))
    if isinstance(made, Layer):
        return made
    raise ValueError(explain("A graph is of layers and ops.", received=f"a {type(made).__name__}: {made!r:.80}"))


def _call(operation: Any, entry: Any, call: Any, outputs: Any, reading: Reading) -> Any:
    args, kwargs = _read(call["args"], outputs, reading), _read(call["kwargs"], outputs, reading)
    reading.budget.spend("work", 1 + len(jax.tree.leaves((args, kwargs))) // 8)
    if not isinstance(operation, Op):
        # Keras writes mask: null for nested models; no mask is what a call without one means
        result = operation(*args, **{k: v for k, v in kwargs.items() if k != "mask" or v is not None})
    else:
        if operation.name == "get_item" and isinstance(args[1], list):  # JSON made a list of the index tuple
            args[1] = tuple(args[1])
        kept = facts_of(operation.name).kept
        settings = {k: v for k, v in entry["config"].items() if k != "name" and (k != "dtype" or k in kept)}
        settings = {k: deserialize_at(k, v, reading) for k, v in settings.items()}
        check_call(operation.name, args, {**settings, **kwargs}, reading.budget)
        result = record(operation, tuple(args), {**settings, **kwargs})
    check_result(result)
    return result


def _histories(tree: Any) -> list[tuple[str, int, int]]:
    """The tensors that call arguments name, each as its layer, its call and its place in the call's outputs."""
    if isinstance(tree, Mapping):
        if tree.get("class_name") == _TENSOR:
            return [_history_of(tree)]
        return [h for v in tree.values() for h in _histories(v)]
    return [h for v in tree for h in _histories(v)] if isinstance(tree, list) else []


def _history_of(tensor: Mapping[str, Any]) -> tuple[str, int, int]:
    config = tensor.get("config")
    found = config.get("keras_history") if isinstance(config, Mapping) else None
    if isinstance(found, list | tuple) and len(found) == 3:
        name, node, index = found
        if isinstance(name, str) and type(node) is int and type(index) is int and index >= 0:
            return name, node, index
    raise ValueError(
        explain(
            "A tensor's keras_history is the name of a layer, which of its calls, and which output of that.",
            received=repr(found)[:80],
            usually="the file is damaged or was edited.",
            write='"keras_history": ["dense", 0, 0]',
        )
    )


def _read(tree: Any, outputs: Any, reading: Reading) -> Any:
    """Call arguments from JSON, with recorded tensors in place of their records."""
    if isinstance(tree, list):
        return [_read(v, outputs, reading) for v in tree]
    if isinstance(tree, Mapping):
        if tree.get("class_name") == _TENSOR:
            name, node, index = _history_of(tree)
            if index >= len(outputs[name, node]):
                raise ValueError(
                    explain(f"The config has no tensor {[name, node, index]}.", received=f"{len(outputs[name, node])}")
                )
            tensor = outputs[name, node][index]
            _check_recorded(tensor, tree["config"].get("shape"))
            return tensor
        if "class_name" in tree and "config" in tree:
            return deserialize(tree, reading, ("keras.layers", "keras"))
        return {k: _read(v, outputs, reading) for k, v in tree.items()}
    return tree


def _check_recorded(tensor: SymbolicTensor, shape: Any) -> None:
    """Compare the shape that a call records of what it takes with what the call before it makes."""
    check_shapes(shape)
    if isinstance(shape, list | tuple) and not alike(shape, tensor.symbolic_shape):
        raise ValueError(
            explain(
                "A call in the config takes a tensor of another shape than the layer before it makes.",
                received=f"{list(shape)} in the record, {list(tensor.shape)} as the layers are described",
                usually="the file is damaged or was edited.",
            )
        )


def _map_ends(tree: Any, find: Any) -> Any:
    """`["name", 0, 0]`, or lists and dicts of those, as tensors."""
    if isinstance(tree, Mapping):
        return {k: _map_ends(v, find) for k, v in tree.items()}
    if not isinstance(tree, list | tuple):
        raise ValueError(
            explain("A model's ends are tensors.", received=repr(tree)[:80], write='["dense", 0, 0], or lists of those')
        )
    if len(tree) == 3 and isinstance(tree[0], str) and type(tree[1]) is int and type(tree[2]) is int:
        return find(tree)
    return [_map_ends(v, find) for v in tree]
