"""A FeatureSpace in the `.keras` file that real Keras has for it: a zip of a config, vocabularies and moments."""

from __future__ import annotations

import datetime
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import Layer, deserialize, explain, serialize
from ...core.typing import Config, FilePath
from ...nn import Identity, Normalization
from ._feature import Cross, Feature

if TYPE_CHECKING:
    from ._space import FeatureSpace

_MODULE = "keras.src.layers.preprocessing.feature_space"  # as real Keras writes it
#: The most bytes that a part of a file may have.
_MOST_BYTES = 64 << 20
_PARTS = ("crossing_dim", "hashing_dim", "num_discretization_bins")


def save_space(space: FeatureSpace, filepath: FilePath) -> None:
    """Write a FeatureSpace, what its layers have learnt within their configs."""
    path = pathlib.Path(os.fspath(filepath))
    if path.suffix != ".keras":
        raise ValueError(
            explain(
                "The file of a FeatureSpace ends in .keras.",
                received=f"{str(path)!r}",
                write=f"feature_space.save({str(path.with_suffix('.keras'))!r})",
            )
        )
    features = {name: _feature_config(feature) for name, feature in space.features.items()}
    crosses = [
        _object("Cross", {**vars(cross), "feature_names": list(cross.feature_names)}) for cross in space.crosses or ()
    ]
    config = {"features": features, "output_mode": space.output_mode, "crosses": crosses}
    config |= {part: getattr(space, part) for part in _PARTS}
    record = {"module": "keras.utils", "class_name": "FeatureSpace", "config": config, "registered_name": None}
    record["build_config"] = {name: {"input_shape": [None, 1]} for name in features}
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    half = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(half, "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": now}))
        file.writestr("config.json", json.dumps(record))
        file.writestr("model.weights.h5", _no_weights())
    os.replace(half, path)


def load_space(filepath: FilePath) -> dict[str, Any]:
    """The arguments of the FeatureSpace in a file."""
    try:
        with zipfile.ZipFile(filepath) as file:
            config = json.loads(_read(file, "config.json"))["config"]
            learnt = _Learnt(file)
            features = {name: _feature_of(part["config"], learnt) for name, part in config["features"].items()}
            crosses = [Cross(**cross["config"]) for cross in config["crosses"]]
            return {"features": features, "crosses": crosses, "output_mode": config["output_mode"]} | {
                part: config[part] for part in _PARTS
            }
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            explain(
                "The file holds no FeatureSpace.",
                received=f"{os.fspath(filepath)!r}: {type(error).__name__} {error}",
                usually="a model's file, or a download that was cut off.",
                write="fk.load_model(path) for a model",
            )
        ) from error


# ------------------------------------------------------------------ writing
def _object(name: str, config: Mapping[str, Any]) -> Config:
    return {"module": _MODULE, "class_name": name, "config": dict(config), "registered_name": name}


def _feature_config(feature: Feature) -> Config:
    layer = _layer_config(feature.preprocessor)
    return _object("Feature", {"dtype": feature.dtype, "preprocessor": layer, "output_mode": feature.output_mode})


def _layer_config(layer: Layer) -> Config:
    """A layer's config with what it has learnt."""
    if isinstance(layer, Identity):
        return _object("TFDIdentity", {"name": layer.name, "trainable": True, "dtype": "float32"})
    record: Config = dict(serialize(layer))  # type: ignore[call-overload]
    config = record["config"] = dict(record["config"])
    if isinstance(layer, Normalization) and layer.mean is not None:
        config["mean"], config["variance"] = (np.ravel(m).tolist() for m in (layer.mean, layer.variance))
    elif hasattr(layer, "get_vocabulary"):
        if getattr(layer, "output_mode", "int") == "tf_idf":
            raise ValueError(
                explain(
                    f"{layer.name}: the weights of tf_idf are not written to the file of a FeatureSpace.",
                    received='output_mode="tf_idf"',
                    write='output_mode="count"; or fk.Model(inputs, encoded).save(path, variables)',
                )
            )
        words = layer.get_vocabulary(include_special_tokens=False)
        config["vocabulary"] = [word if isinstance(word, str) else int(word) for word in words]
        config.pop("vocabulary_size", None)
    return record


def _no_weights() -> bytes:
    """A file of weights without any: what layers have learnt is in their configs."""
    try:
        import h5py
    except ImportError as error:
        raise _missing() from error
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_group("vars")
    return content.getvalue()


def _missing() -> ImportError:
    return ImportError(
        explain(
            "A .keras file needs h5py, which is not installed.",
            usually="it is an extra of fkeras.",
            write="pip install 'fkeras[keras]'",
        )
    )


# ------------------------------------------------------------------ reading
def _read(file: zipfile.ZipFile, name: str) -> bytes:
    if file.getinfo(name).file_size > _MOST_BYTES:
        raise ValueError(
            explain(
                "A part of the file is larger than any FeatureSpace's.",
                received=f"{name} of {file.getinfo(name).file_size:,} bytes",
                usually="a file made to fill memory.",
                write="a file that FeatureSpace.save wrote",
            )
        )
    return file.read(name)


class _Learnt:
    """What layers have learnt, where a file has it beside their configs: by class, counted in the features' order.

    Args:
        file: the open file.
    """

    def __init__(self, file: zipfile.ZipFile) -> None:
        self.file, self.seen = file, dict[str, int]()

    def place(self, kind: str) -> str:
        """Where the next layer of a class has its part."""
        count = self.seen[kind] = self.seen.get(kind, -1) + 1
        return f"preprocessors/{kind}" + (f"_{count}" if count else "")

    def words(self, place: str) -> list[str]:
        """A vocabulary."""
        return _read(self.file, f"assets/{place}/vocabulary.txt").decode().splitlines()

    def moments(self, place: str) -> tuple[list[float], list[float]]:
        """A mean and a variance."""
        try:
            import h5py
        except ImportError as error:
            raise _missing() from error
        with h5py.File(io.BytesIO(_read(self.file, "model.weights.h5"))) as weights:
            mean, variance = (np.asarray(weights[f"{place}/vars/{i}"]).tolist() for i in (0, 1))
        return mean, variance


#: Classes whose part of a file is looked for, by what Keras calls it there.
_KINDS = {
    "Normalization": "normalization",
    "IntegerLookup": "integer_lookup",
    "StringLookup": "string_lookup",
    "TextVectorization": "text_vectorization",
}


def _feature_of(config: Config, learnt: _Learnt) -> Feature:
    return Feature(config["dtype"], _layer_of(config["preprocessor"], learnt), config["output_mode"])


def _layer_of(record: Config, learnt: _Learnt) -> Layer:
    name, config = record["class_name"], dict(record["config"])
    if name == "TFDIdentity":
        return Identity(name=config.get("name"))
    place = learnt.place(_KINDS[name]) if name in _KINDS else ""
    if name == "Normalization" and config.get("mean") is None:
        config["mean"], config["variance"] = learnt.moments(place)
    elif place and name != "Normalization" and config.get("vocabulary") is None:
        words = learnt.words(place)
        config["vocabulary"] = [int(word) for word in words] if name == "IntegerLookup" else words
        config.pop("vocabulary_size", None)
    layer: Layer = deserialize({**record, "config": config})
    return layer
