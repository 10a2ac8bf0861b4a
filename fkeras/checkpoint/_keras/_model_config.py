"""The model that a `.keras` file describes: its record read and bounded, the model made, its variables as shapes."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import cast

import jax
import jax.numpy as jnp

from ...core import Budget, Explanation, Layer, Model, described, explain, model_from_config
from ...core.typing import JSON, Config, CustomObjects, FilePath, PyTree
from ._archive import CONFIG, Archive
from ._assets import with_assets
from ._quantized_config import without_policy_maps


def read_config(archive: Archive) -> Config:
    """The record of the model that an archive holds.

    Raises:
        ValueError: it describes none, or something else, or costs more to read than any model does.
    """
    config = archive.json(CONFIG)
    other = _other_than_a_model(config, archive.path)
    if other is not None:
        raise ValueError(other)
    if not isinstance(config, dict) or not isinstance(config.get("config"), Mapping):
        raise archive.damaged(f"a {CONFIG} that describes no model: {str(config)[:80]}")
    if not isinstance(config.get("compile_config", {}), Mapping | None):
        raise archive.damaged(f"a compile_config that is no dict: {config['compile_config']!r:.80}")
    with described(archive.path):
        Budget().examine(config)
        return cast(Config, without_policy_maps(config, str(archive.path)))


def _other_than_a_model(config: JSON, place: pathlib.Path) -> Explanation | None:
    """What is said of a record of something else than a model; `None` of any other."""
    if not isinstance(config, Mapping):
        return None
    name, module, path = str(config.get("class_name"))[:80], str(config.get("module")), str(place)
    if name == "FeatureSpace" and module.startswith("keras."):
        return explain(
            f"{path!r} holds a FeatureSpace, and no model.",
            received=f"a record of the class {name}",
            usually="feature_space.save wrote it; a model that was saved with it is in a file of its own.",
            write=f"fk.utils.FeatureSpace.load({path!r})",
        )
    is_hub = module.startswith(("keras_hub.", "keras_nlp.", "keras_cv.")) or "keras_hub>" in str(
        config.get("registered_name")
    )
    if place.is_dir() and (is_hub or ("model_type" in config and "class_name" not in config)):
        return explain(
            f"{path!r} is a pretrained model of {'KerasHub' if is_hub else 'Hugging Face'}, and no file of Keras.",
            received=f"a record of {name}" if is_hub else f"model_type: {config['model_type']!r:.60}",
            usually="it is a directory as pretrained models are published, which has a reader of its own.",
            write=f"model, variables = fk.applications.load_pretrained({path!r})",
        )
    return None


def build_model(
    config: Config, archive: Archive, custom_objects: CustomObjects | None
) -> tuple[Layer, dict[str, PyTree] | None, tuple[PyTree, ...]]:
    """A model from its record.

    Args:
        config: the record.
        archive: the file that it is in, with what layers keep beside it.
        custom_objects: the user's own classes and functions by name.

    Returns:
        The model, its variables as shapes (`None` if it was never built), and the inputs that told them.

    Raises:
        ValueError: it cannot be made.
    """
    with described(archive.path):
        description = {k: v for k, v in config.items() if k != "compile_config"}
        model = model_from_config(description, custom_objects)
        if not isinstance(model, Layer):
            raise archive.damaged(f"a {CONFIG} that describes a {type(model).__name__}")
        if isinstance(model, Model) and any(n.startswith("assets/") for n in archive.names):
            model = with_assets(model, archive)
        return (model, *_expected(model, config))


def refuse_code(config: JSON, filepath: FilePath) -> None:
    """Refuse bytecode in a compile config: it is never run."""
    if _holds_lambda(config):
        raise ValueError(
            explain(
                f"The compile config in {os.fspath(filepath)!r} holds a lambda's bytecode, which is never run.",
                usually="in Keras, a lambda was passed to compile as a loss, a metric or a learning rate.",
                write="fk.load_model(path, compile=False)   # and model.compile(...) with a named function",
            )
        )


def _holds_lambda(config: JSON) -> bool:
    if isinstance(config, list):
        return any(map(_holds_lambda, config))
    if isinstance(config, Mapping):
        return config.get("class_name") == "__lambda__" or any(map(_holds_lambda, config.values()))
    return False


def _expected(model: Layer, config: Config) -> tuple[dict[str, PyTree] | None, tuple[PyTree, ...]]:
    """The variables that a model should have, as shapes, and the inputs that tell them; `None` if never built."""
    if not isinstance(model, Model):
        return None, ()
    if model.graph is not None:
        return model.abstract_variables(), ()
    args = recorded_inputs(config)
    return (model.abstract_variables(*args), args) if args else (None, ())


def recorded_inputs(config: Config) -> tuple[PyTree, ...]:
    """The inputs of which a config holds the shapes; none if the model was never built."""
    build = config.get("build_config") or {}
    shapes = build.get("shapes_dict") or build.get("input_shape")
    if not shapes:
        return ()
    return tuple(map(_example, shapes.values() if build.get("shapes_dict") else [shapes]))


def _example(shape: PyTree) -> PyTree:
    """An input of a recorded shape, or several in lists and dicts, as shapes and dtypes; its unknown sizes are 1."""
    if isinstance(shape, Mapping):
        return {k: _example(v) for k, v in shape.items()}
    if any(isinstance(d, list | Mapping) for d in shape):
        return [_example(d) for d in shape]
    return jax.ShapeDtypeStruct(tuple(1 if d is None else d for d in shape), jnp.float32)


def shapes_of(example: PyTree) -> JSON:
    """Shapes of an example as a build_config holds them; how many rows it has does not matter."""
    if isinstance(example, Mapping):
        return {k: shapes_of(v) for k, v in example.items()}
    if isinstance(example, list | tuple):
        return [shapes_of(v) for v in example]
    return [None, *example.shape[1:]]
