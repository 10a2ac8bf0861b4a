"""The public names of real Keras, and what is here under each."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pathlib
from types import ModuleType

import keras

import fkeras as fk

# Names that only TensorFlow's Keras has, and that are typed out of habit. Keras 3 refuses or has lost the others.
OLDER = ("backend", "preprocessing.text", "preprocessing.sequence", "preprocessing.image")


#: What Keras 2.2.4 and 2.13.1 have: `goldens/make_older_names.py` wrote it.
_RECORDED = pathlib.Path(__file__).parent / "goldens" / "older_names.json"
#: What Keras 1 had, of whose names Keras 2 kept no trace that is public.
KERAS_1 = (
    "layers.Merge",
    "layers.MaxoutDense",
    "layers.TimeDistributedDense",
    "layers.AtrousConvolution1D",
    "layers.AtrousConvolution2D",
    "models.Graph",
    "initializations",
    "utils.visualize_util",
    "regularizers.WeightRegularizer",
    "regularizers.ActivityRegularizer",
    "regularizers.l1l2",
    "regularizers.activity_l1",
    "regularizers.activity_l2",
    "regularizers.activity_l1l2",
    "metrics.precision",
    "metrics.recall",
    "metrics.fmeasure",
    "metrics.fbeta_score",
    "backend.image_dim_ordering",
    "backend.set_image_dim_ordering",
    "metrics.cosine",
    "metrics.cosine_proximity",
)


def public(module: ModuleType) -> dict[str, object]:
    return {n: getattr(module, n) for n in dir(module) if not n.startswith("_") and n != "src"}


def walk(module: ModuleType, path: str = "") -> dict[str, object]:
    """`{path: object}` for every public name of a package."""
    found: dict[str, object] = {}
    for name, value in public(module).items():
        inner = f"{path}{name}"
        found[inner] = value
        if inspect.ismodule(value):
            found |= walk(value, f"{inner}.")
    return found


@functools.cache
def keras_names() -> dict[str, object]:
    """All paths of Keras, without `keras.`, and what is there."""
    return walk(keras)


@functools.cache
def older_names() -> dict[str, object]:
    """Paths that Keras 3 keeps for TensorFlow's Keras alone."""
    found: dict[str, object] = {}
    for path in OLDER:
        module = importlib.import_module(f"keras._tf_keras.keras.{path}")
        found |= {path: module, **walk(module, f"{path}.")}
    return {path: value for path, value in found.items() if path not in keras_names()}


@functools.cache
def oldest_names() -> tuple[str, ...]:
    """Paths that Keras 1 or 2 had and Keras 3 has not: of the rooms that are here, and files that names came from."""
    recorded = [path for paths in json.loads(_RECORDED.read_text()).values() for path in paths]
    return tuple(sorted({*recorded, *KERAS_1} - set(every_name())))


def every_name() -> dict[str, object]:
    return {**keras_names(), **older_names()}


def ours(path: str) -> object:
    """What is here under a path, or the error that is raised."""
    found: object = fk
    try:
        for name in path.split("."):
            found = getattr(found, name)
    except AttributeError as error:
        return error
    return found
