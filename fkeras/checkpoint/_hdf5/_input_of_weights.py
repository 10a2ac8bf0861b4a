"""The input of a Sequential that does not say it, told by the weights of its first layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.typing import Config, PyTree
from .._keras._optimizer_arrays import ArrayInFile

# What passes on an input of any shape.
_PASS = ("Activation", "Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "Masking", "LeakyReLU", "ReLU")
# How many axes, whose sizes the weights do not tell, stand between the rows and the features of the input.
_BETWEEN = {
    "Dense": 0,
    "Conv1D": 1,
    "SeparableConv1D": 1,
    "LSTM": 1,
    "GRU": 1,
    "SimpleRNN": 1,
    "Conv2D": 2,
    "Conv2DTranspose": 2,
    "SeparableConv2D": 2,
    "DepthwiseConv2D": 2,
    "Conv3D": 3,
}
# Which axis of the first array has the size of the input's features.
_FEATURES = {"Conv2DTranspose": -1, "LSTM": 0, "GRU": 0, "SimpleRNN": 0}


def with_input(record: Config, arrays: Mapping[str, Sequence[ArrayInFile]]) -> Config | None:
    """The record of a Sequential with an input layer; `None` where its weights do not tell the input.

    Args:
        record: the record, in Keras 3's form.
        arrays: what the file has for each layer, in its order.
    """
    config = record.get("config")
    listed = config.get("layers") if isinstance(config, Mapping) else None
    if record.get("class_name") != "Sequential" or not isinstance(listed, list) or not isinstance(config, Mapping):
        return None
    entries = [entry for entry in listed if isinstance(entry, Mapping)]
    first = next((entry for entry in entries if entry.get("class_name") not in _PASS), {})
    said = _inner(first)
    kind, name = str(said.get("class_name")), str(_config(first).get("name"))
    found = arrays.get(name) or ()
    shape: list[PyTree]
    if kind == "Embedding":
        shape = [None, None]
    elif kind in _BETWEEN and found and _config(said).get("data_format") != "channels_first":
        sizes = found[0].spec[0]
        if len(sizes) < 2:
            return None
        shape = [None, *[None] * _BETWEEN[kind], sizes[_FEATURES.get(kind, -2)]]
    else:
        return None
    said_of_input: Config = {"batch_shape": shape, "dtype": "float32", "name": f"{name}_input"}
    start: Config = {"module": "keras.layers", "class_name": "InputLayer", "config": said_of_input}
    return {**record, "config": {**config, "layers": [start, *listed]}}


def _inner(entry: Mapping[str, PyTree]) -> Mapping[str, PyTree]:
    """The record of the layer that both directions of time are of, or the entry itself."""
    inner = _config(entry).get("layer")
    is_both = str(entry.get("class_name")).startswith("Bidirectional") and isinstance(inner, Mapping)
    return inner if is_both and isinstance(inner, Mapping) else entry


def _config(entry: Mapping[str, PyTree]) -> Mapping[str, PyTree]:
    config = entry.get("config")
    return config if isinstance(config, Mapping) else {}
