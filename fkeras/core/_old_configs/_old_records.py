"""Models as Keras 1 and 2 described them, in the form of Keras 3: JSON in, JSON out, and nothing is made of it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

from .._graph._ops_config import is_op_entry, module_of_class
from .._words._config_errors import at
from .._words._errors import explain
from ..typing import Config, PyTree
from ._old_arguments import CLASSES, GONE, renamed_arguments
from ._old_functions import Functions, mask_of, tensor_named
from ._old_lambdas import lambda_config
from ._old_losses import AddedTensors
from ._old_merges import kind_of_merge, merged
from ._old_nodes import Renumber, call_parts, plain_name, tensors_in, with_plain_names
from ._old_objects import dtype_of, in_keras_3, plain
from ._old_tf_ops import CLASSES as TF_CLASSES
from ._old_versions import OldNumbers

_MODELS = ("Model", "Functional", "Sequential")
_MAX_DEPTH = 32
_RECURRENT = ("RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional")
# In Keras 1 these took the order of the machine's settings, and wrote none.
_DO_NOT_SAY = ("ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D")
# What holds other layers, under these arguments.
_INSIDE = ("layer", "backward_layer", "cell", "cells")


def keras_version(record: Mapping[str, PyTree]) -> int:
    """The main version of Keras that wrote the record of a model: 1, 2 or 3.

    The text of a model says it (`"keras_version": "2.2.4"`); else the form of the graph does.

    >>> keras_version({"class_name": "Sequential", "config": [], "keras_version": "1.2.2"})
    1
    """
    said = record.get("keras_version")
    if isinstance(said, str) and said[:1] in ("1", "2"):
        return int(said[0])
    return 2 if _is_old(record, 0) else 3


def _is_old(record: PyTree, depth: int) -> bool:
    """Whether anything in the description of a model has the form of before Keras 3."""
    if not isinstance(record, Mapping) or depth > _MAX_DEPTH:
        return False
    module, config = str(record.get("module") or ""), record.get("config")
    if module.startswith(("tensorflow.", "tf_keras.", "keras.engine.", "keras.src.engine.")):
        return True
    if record.get("class_name") == "Sequential" and isinstance(config, list):
        return True
    layers = config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(layers, list):
        return False
    for entry in layers:
        if not isinstance(entry, Mapping):
            continue
        inner, nodes = entry.get("config"), entry.get("inbound_nodes")
        if isinstance(inner, Mapping) and "batch_input_shape" in inner and "batch_shape" not in inner:
            return True
        if isinstance(nodes, list) and any(isinstance(node, list) for node in nodes):
            return True
        if _is_old(entry, depth + 1):
            return True
    return False


def in_keras_3_form(
    record: Config, own: Collection[str] = (), version: int | None = None, said: str | None = None
) -> Config:
    """The record of a model in the form of Keras 3; one that has it already comes back as it is.

    Args:
        record: what `model.to_json()` wrote, of any version of Keras.
        own: the names of the user's classes and functions, whose configs are left alone.
        version: the version of Keras that wrote it, where it is known: 1, 2 or 3.
        said: the same in words, as a file has it: `"2.2.4-tf"`; by default what the record says.

    Returns:
        The record.

    Raises:
        ValueError: a layer, an argument or a call that has no equal.

    >>> old = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {
    ...     "name": "d", "output_dim": 2, "init": "uniform", "batch_input_shape": [None, 3]}}]}
    >>> new = in_keras_3_form(old, version=1)
    >>> [layer["class_name"] for layer in new["config"]["layers"]], new["config"]["layers"][1]["config"]
    (['InputLayer', 'Dense'], {'name': 'd', 'units': 2, 'kernel_initializer': 'random_uniform'})
    """
    version = keras_version(record) if version is None else version
    if version >= 3 and "module" in record:
        return record
    told = record.get("keras_version")
    numbers = OldNumbers.of(record, said or (told if isinstance(told, str) else None), version)
    return _Reader(frozenset(own), version, _has_channels_first(record, 0), numbers).model(record, 0)


def config_in_keras_3_form(class_name: str, config: PyTree, own: Collection[str] | None = None) -> PyTree:
    """What `get_config` of a model returned, in the form of Keras 3; one that has it already comes back as it is.

    Args:
        class_name: the model's class: `"Functional"` or `"Sequential"`.
        config: the config; that of a Sequential before Keras 2.2 is a list.
        own: the names of the user's classes and functions.

    Returns:
        The config.

    Raises:
        ValueError: a layer, an argument or a call that has no equal.

    >>> old = [{"class_name": "Dense", "config": {"output_dim": 2}}]
    >>> config_in_keras_3_form("Sequential", old)["layers"][0]["config"]
    {'units': 2}
    """
    record = {"class_name": class_name, "config": config}
    if not _is_old(record, 0):
        return config
    return in_keras_3_form(record, own or (), 2)["config"]


def _has_channels_first(record: PyTree, depth: int) -> bool:
    """Whether the layers of a description of Keras 1 that say the order of their axes all have the channels first."""
    said = _orders(record, depth)
    return said == {"th"}


def _orders(value: PyTree, depth: int) -> set[str]:
    if depth > 4 * _MAX_DEPTH or not isinstance(value, Mapping | list):
        return set()
    found = {str(value["dim_ordering"])} if isinstance(value, Mapping) and "dim_ordering" in value else set()
    for part in value.values() if isinstance(value, Mapping) else value:
        found |= _orders(part, depth + 1)
    return found


class _Reader:
    """The reading of one description.

    Attributes:
        own: the names of the user's classes and functions.
        version: the version of Keras that wrote it.
        channels_first: whether layers that do not say it have the channels first, as all that say it do.
        numbers: how that version computed.
    """

    def __init__(self, own: frozenset[str], version: int, channels_first: bool, numbers: OldNumbers) -> None:
        self.own, self.version, self.channels_first, self.numbers = own, version, channels_first, numbers

    def model(self, record: Config, depth: int) -> Config:
        if depth > _MAX_DEPTH:
            raise ValueError(explain("Models are nested too deeply.", received=f"more than {_MAX_DEPTH} models"))
        found, config = plain(record), record.get("config")
        class_name = str(found.get("class_name"))
        if class_name == "Graph":
            raise ValueError(
                explain(
                    "The model is a Graph of Keras 0, which is not read.",
                    write="the model in code, and model.load_weights(path, variables)",
                )
            )
        if class_name == "Sequential" and isinstance(config, list):
            config = {"layers": config}
        if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
            return found
        is_graph = "input_layers" in config
        changed = self._graph(dict(config), depth) if is_graph else self._stack(dict(config), depth)
        if is_graph and class_name not in self.own and class_name in ("Model", "Functional"):
            found["class_name"], found["module"] = "Functional", "keras"
        elif class_name == "Sequential" and class_name not in self.own:
            if "input_layers" in changed:  # branches that a Merge of Keras 1 began with
                found["class_name"] = "Functional"
            found["module"] = "keras"
        found.pop("keras_version", None)
        found.pop("backend", None)
        return {**found, "config": changed}

    # -------------------------------------------------------------- a stack of layers
    def _stack(self, config: Config, depth: int) -> Config:
        entries = list(config["layers"])
        first = entries[0] if entries and isinstance(entries[0], Mapping) else {}
        if first.get("class_name") == "Merge" and "Merge" not in self.own and isinstance(first.get("config"), Mapping):
            return self._graph(merged(config, first), depth)
        layers = []
        for i, entry in enumerate(entries):
            with at("layers", i):
                layers.append(_named(self.layer(entry, depth + 1), f"sequential_{i + 1}"))
        start = self._input_of(first)
        if start is not None:
            layers.insert(0, start)
        kept = {k: v for k, v in config.items() if k in ("name", "trainable", "dtype", "build_input_shape")}
        if isinstance(kept.get("dtype"), Mapping | str):
            kept["dtype"] = dtype_of(kept["dtype"])
        return {**kept, "layers": layers}

    def _input_of(self, first: Mapping[str, PyTree]) -> Config | None:
        """The input layer that the first layer of a stack tells of."""
        config = first.get("config")
        shape = config.get("batch_input_shape") if isinstance(config, Mapping) else None
        if shape is None or first.get("class_name") == "InputLayer":
            return None
        assert isinstance(config, Mapping)
        dtype = config.get("input_dtype") or config.get("dtype")
        said = {"batch_shape": shape, "dtype": _name_of(dtype), "name": f"{config.get('name') or 'layer'}_input"}
        return {"module": "keras.layers", "class_name": "InputLayer", "config": said, "registered_name": None}

    # -------------------------------------------------------------- a graph
    def _graph(self, config: Config, depth: int) -> Config:
        entries = [dict(entry) for entry in config["layers"] if isinstance(entry, Mapping)]
        if self.version >= 3 and not any(
            isinstance(node, list) for e in entries for node in e.get("inbound_nodes") or ()
        ):
            layers = []
            for entry in entries:
                with at("layers", entry.get("name")):
                    layers.append(self._with_calls(entry, list(entry.get("inbound_nodes") or ()), depth))
            return {**config, "layers": layers}
        if any("/" in str(entry.get("name")) for entry in entries):
            config = {**config, **{k: with_plain_names(config.get(k)) for k in ("input_layers", "output_layers")}}
            entries = [_with_plain_name(entry) for entry in entries]
        starts = _first_calls(entries, config)

        def renumber(name: str, call: int) -> int:
            return call - starts.get(name, 0)

        added, functions = AddedTensors(entries, config, self.own), Functions()
        made: list[Config] = []
        for entry in added.left:
            if added.fails(entry):
                continue
            name = str(entry.get("name"))
            with at("layers", name):
                try:
                    made += self._entries(entry, renumber, functions, depth)
                except ValueError as error:
                    if name not in added.beside:
                        raise
                    added.failed[name] = error
        layers, outputs = added.read(config.get("output_layers"), made, renumber, functions.sizes)
        config = {**config, "output_layers": outputs}
        kinds = {entry.get("name"): entry for entry in layers}

        def end(value: PyTree, level: int = 0) -> PyTree:
            if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and type(value[1]) is int:
                call = value[1] - starts.get(value[0], 0)
                inner = kinds.get(value[0], {})
                own = inner.get("class_name") == "Functional" and "input_layers" in (inner.get("config") or {})
                return [value[0], call + own, value[2]]
            if isinstance(value, list) and level < _MAX_DEPTH:
                return [end(v, level + 1) for v in value]
            if isinstance(value, Mapping) and level < _MAX_DEPTH:
                return {k: end(v, level + 1) for k, v in value.items()}
            return value

        ends = {key: _alone(end(config.get(key))) for key in ("input_layers", "output_layers")}
        kept = {k: v for k, v in config.items() if k in ("name", "trainable")}
        return {**kept, "layers": layers, **ends}

    def _entries(self, entry: Config, renumber: Renumber, functions: Functions, depth: int) -> list[Config]:
        """The records of a layer, or of the ops that a function of TensorFlow's is."""
        nodes = entry.get("inbound_nodes") or []
        if not isinstance(nodes, list):
            raise ValueError(explain("`inbound_nodes` is a list.", received=repr(nodes)[:80]))
        calls = [call_parts(node, renumber) for node in nodes]
        class_name = entry.get("class_name")
        if class_name in TF_CLASSES and class_name not in self.own:
            return functions.entries(entry, calls)
        changed: list[Config] = []
        masks: list[Config] = []
        for i, (first, others) in enumerate(calls):
            call = _call(str(class_name), entry.get("config"), first, others)
            if "initial_state" in call["kwargs"] and self.numbers.has_masks and call["kwargs"].get("mask") is None:
                said = entry.get("config")
                if not self.numbers.masked_steps_repeat and isinstance(said, Mapping) and said.get("return_sequences"):
                    warnings.warn(_masked_first(str(entry.get("name"))), stacklevel=2)
                masks.append(mask_of(f"{entry.get('name')}_mask_{i}", call["args"][0]))
                call["kwargs"]["mask"] = tensor_named(masks[-1]["name"])
            changed.append(call)
        return [*masks, self._with_calls(entry, changed, depth)]

    def _with_calls(self, entry: Config, calls: list[PyTree], depth: int) -> Config:
        class_name, config = entry.get("class_name"), entry.get("config")
        if is_op_entry(entry):
            return entry
        said: PyTree = config
        is_bare = "module" not in entry and isinstance(said, Mapping)
        if is_bare and "trainable" not in said and "batch_shape" not in said and class_name not in self.own:
            module = module_of_class(str(class_name))  # an op in the HDF5 files of Keras 3, which leave the module out
            if module is not None and self.version >= 3:
                return {**entry, "module": module}
        return {**self.layer(entry, depth + 1), "name": entry.get("name"), "inbound_nodes": calls}

    # -------------------------------------------------------------- a layer
    def layer(self, entry: PyTree, depth: int) -> Config:
        """The record of a layer, with those inside it."""
        if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), Mapping | list):
            raise ValueError(
                explain(
                    "A layer's record holds its class_name and its config.",
                    received=repr(entry)[:80],
                    usually="the file is damaged or was edited.",
                )
            )
        found = plain(entry)
        name = str(found.get("class_name"))
        config = found["config"]
        if isinstance(config, Mapping) and "/" in str(config.get("name")):
            found["config"] = config = {**config, "name": plain_name(config["name"])}
            entry = {**entry, "config": config}
        if name != "Merge" and (isinstance(config, list) or isinstance(config.get("layers"), list)):
            return {**self.model(dict(entry), depth), **_kept(entry)}
        if name in self.own or found.get("registered_name") in self.own or ">" in str(entry.get("class_name")):
            return {**found, "config": _without_input(config)}
        if name in GONE:
            raise ValueError(
                explain(
                    f"{name} is a layer of Keras {'1' if self.version == 1 else '2'} that Keras 3, and so fkeras, "
                    "does not have.",
                    received=f"the layer {config.get('name')!r}",
                    write=GONE[name],
                )
            )
        if name == "Lambda":
            return {**found, "module": "keras.layers", "config": lambda_config(config, self.own)}
        if name == "InputLayer":
            return {**found, "module": "keras.layers", "config": _input_config(config)}
        return self._known(found, name, config, depth)

    def _upsampled(self, config: Config) -> Config:
        """The arguments of a bilinear `UpSampling2D`, by where its version measured pixels from."""
        if self.numbers.corners is None:
            warnings.warn(
                explain(
                    f"The layer {config.get('name')!r:.80} may predict other numbers than where it was saved.",
                    received='UpSampling2D(interpolation="bilinear") of a version that TensorFlow 1.13 to 2.1 share',
                    usually="TensorFlow 1.13 measured pixels from their corners, and later ones from their middles.",
                    write='layer.replace(interpolation="bilinear_of_tensorflow_1"), for a file of TensorFlow 1.13',
                ),
                stacklevel=2,
            )
        return {**config, "interpolation": "bilinear_of_tensorflow_1"} if self.numbers.corners else config

    def _known(self, found: Config, name: str, config: Config, depth: int) -> Config:
        kind = CLASSES.get(name, name)
        if kind == "UpSampling2D" and config.get("interpolation") == "bilinear":
            config = self._upsampled(config)
        if kind == "Merge":
            kind, config = kind_of_merge(config)
        arguments = renamed_arguments(kind, _of_old_class(name, config, self.version))
        changed: Config = {}
        for argument, value in arguments.items():
            if argument in _INSIDE:
                with at(argument):
                    many = isinstance(value, list)
                    inner = (
                        [self.layer(v, depth + 1) for v in value] if many else value and self.layer(value, depth + 1)
                    )
                    changed[argument] = inner
            elif argument.endswith("activation") and _is_layer(value):
                with at(argument):
                    changed[argument] = self.layer(value, depth + 1)
            else:
                is_own = isinstance(value, str) and value in self.own and argument not in ("name", "dtype")
                changed[argument] = _own_function(value) if is_own else in_keras_3(argument, value, self.version)
        if kind == "RNN" and self.numbers.masked_steps_repeat and self.numbers.has_masks and _has_many_cells(config):
            warnings.warn(_masked_cells(config), stacklevel=2)
        if kind == "Bidirectional" and self.numbers.masked_steps_repeat and self.numbers.has_masks:
            kind, found = "BidirectionalOfKeras2", {**found, "module": "fkeras"}
        if self.channels_first and kind in _DO_NOT_SAY and "data_format" not in changed:
            changed["data_format"] = "channels_first"
        if kind == "BatchNormalization" and isinstance(changed.get("axis"), list) and len(changed["axis"]) == 1:
            changed["axis"] = changed["axis"][0]
        return {**{k: v for k, v in found.items() if k != "inbound_nodes"}, "class_name": kind, "config": changed}


def _has_many_cells(config: Config) -> bool:
    cell = config.get("cell")
    return isinstance(cell, list) or (isinstance(cell, Mapping) and cell.get("class_name") == "StackedRNNCells")


def _masked_cells(config: Config) -> str:
    return explain(
        f"Where steps are masked, the layer {config.get('name')!r:.80} may predict other numbers than it did.",
        received="an RNN of several cells, in a model with masks",
        usually="Keras before 2.4 gave a state of the first cell there; here it is the output of the step before.",
    )


def _masked_first(name: str) -> str:
    return explain(
        f"Where a sequence begins with masked steps, the layer {name!r:.80} predicts other numbers than it did.",
        received="an initial_state, in a model with masks",
        usually="TensorFlow gave zeros for such steps; Keras 3 on JAX gives the state. Other steps are the same.",
    )


def _with_plain_name(entry: Config) -> Config:
    """The record of a node without slashes in the names of layers."""
    return {
        **entry,
        "name": plain_name(entry.get("name")),
        "inbound_nodes": with_plain_names(entry.get("inbound_nodes")),
    }


def _named(entry: Config, name: str) -> Config:
    """A model within a stack, with a name: before Keras 2.2 the config of a Sequential was a list, and had none."""
    config: PyTree = entry.get("config")
    is_bare = isinstance(config, Mapping) and "layers" in config and not config.get("name")
    return {**entry, "config": {**config, "name": name}} if is_bare else entry


def _kept(entry: Mapping[str, PyTree]) -> Config:
    return {k: entry[k] for k in ("build_config",) if k in entry}


def _is_layer(activation: PyTree) -> bool:
    """Whether an activation is an object, as in `Dense(4, activation=LeakyReLU(0.2))`, and no function."""
    is_object = isinstance(activation, Mapping) and isinstance(activation.get("config"), Mapping)
    return is_object and activation.get("class_name") != "function"


def _own_function(name: str) -> Config:
    return {"class_name": "function", "config": name, "registered_name": name}


def _of_old_class(name: str, config: Config, version: int) -> Config:
    """What the old class's name says, or what was the rule when nothing was said."""
    config = dict(config)
    if name.startswith("CuDNN"):
        config = {"activation": "tanh", "recurrent_activation": "sigmoid", **config}
        return {**config, "reset_after": True} if name == "CuDNNGRU" else config
    if name in ("GRU", "GRUCell", "GRUV1") and version < 3:
        config.setdefault("reset_after", False)
    if name == "ELU" and "alpha" in config:
        return config
    if name == "ThresholdedReLU":
        config.setdefault("theta", 1.0)
    if name == "SyncBatchNormalization":
        config["synchronized"] = True
    if "forget_bias_init" in config and name in ("LSTM", "ConvLSTM2D"):
        config["unit_forget_bias"] = config.pop("forget_bias_init") == "one"
    if name == "SeparableConvolution2D" and "init" in config:
        first = config.pop("init")
        config |= {"depthwise_initializer": first, "pointwise_initializer": first}
    if name == "ZeroPadding2D" and isinstance(config.get("padding"), Mapping):
        pads = [int(config["padding"].get(f"{side}_pad", 0)) for side in ("top", "bottom", "left", "right")]
        config["padding"] = [pads[:2], pads[2:]]
    if name == "ZeroPadding2D" and isinstance(config.get("padding"), list) and len(config["padding"]) == 4:
        config["padding"] = [config["padding"][:2], config["padding"][2:]]
    return config


def _without_input(config: Config) -> Config:
    return {k: v for k, v in config.items() if k not in ("batch_input_shape", "input_dtype")}


def _name_of(dtype: PyTree) -> PyTree:
    found = dtype_of(dtype)
    return (
        {"mixed_float16": "float32", "mixed_bfloat16": "float32"}.get(found, found) if isinstance(found, str) else None
    )


def _input_config(config: Config) -> Config:
    if config.get("ragged"):
        raise ValueError(
            explain(
                "The input is ragged: rows of different lengths, which arrays do not have.",
                received=f"the input {config.get('name')!r}",
                write="the model in code on padded rows and a Masking layer, and model.load_weights(path, variables)",
            )
        )
    changed = {k: v for k, v in config.items() if k not in ("batch_input_shape", "input_dtype", "ragged")}
    if "batch_input_shape" in config:
        changed["batch_shape"] = config["batch_input_shape"]
    if "input_dtype" in config:
        changed["dtype"] = config["input_dtype"]
    return changed


def _first_calls(entries: list[Config], config: Config) -> dict[str, int]:
    """The number of the first call of each layer: 1 for a model that was itself made on an input, else 0."""
    counts = {str(e.get("name")): len(e.get("inbound_nodes") or ()) for e in entries}
    used: dict[str, int] = {}
    ends = [config.get("input_layers"), config.get("output_layers")]
    for name, call in tensors_in([[e.get("inbound_nodes") for e in entries], ends]):
        used[name] = max(used.get(name, 0), call)
    return {name: 1 for name, call in used.items() if counts.get(name) and call == counts[name]}


def _alone(ends: PyTree) -> PyTree:
    """A single tensor in a list is written without it, as a model of Keras 2 returns it without."""
    return ends[0] if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list) else ends


def _call(class_name: str, config: PyTree, first: PyTree, others: Config) -> Config:
    """A call in Keras 3's form."""
    if CLASSES.get(class_name, class_name) not in _RECURRENT:
        return {"args": [first], "kwargs": others}
    constants = others.get("constants") or (config.get("num_constants") if isinstance(config, Mapping) else None)
    if constants:
        raise ValueError(
            explain(
                "A recurrent layer with constants beside its states is not read.",
                received=f"constants={constants!r:.60}",
                usually="a cell of one's own that attends to something; Keras 3 hands no constants to cells.",
                write="the model in code, with a layer that repeats the constants over time and concatenates them",
            )
        )
    others = {k: v for k, v in others.items() if k != "constants" and not (k == "initial_state" and v is None)}
    if isinstance(first, list):
        others = {**others, "initial_state": first[1:]} if len(first) > 1 else others
        first = first[0]
    return {"args": [first], "kwargs": others}
