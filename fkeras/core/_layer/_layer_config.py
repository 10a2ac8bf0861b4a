"""A layer as a config, and a layer with some of its arguments changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp

from .._words._config import call_with_config, deserialize_at, serialize
from .._words._config_types import check_types
from .._words._dtypes import DTypePolicy
from .._words._errors import did_you_mean, explain
from ..typing import JSON, Config, CustomObjects, PyTree, Variables
from ._construct import BASE_ARGUMENTS, Arguments
from ._trainable import at_rest, told

if TYPE_CHECKING:
    from ._layer import Layer


def config_of(layer: Layer) -> Config:
    """The constructor's arguments as JSON values, under Keras's names."""
    config: Config = {
        "name": layer.name,
        "trainable": layer.trainable,
        "dtype": serialize(DTypePolicy(layer.dtype)),
    }
    if layer.activity_regularizer is not None:
        config["activity_regularizer"] = serialize(layer.activity_regularizer)
    if layer._description is not None:
        own = {k: v for k, v in layer._description.config.items() if k not in config}
        return at_rest({**config, **{k: serialize(v) for k, v in own.items()}}, layer)
    if "activity_regularizer" in layer._positional:
        config["activity_regularizer"] = serialize(layer.activity_regularizer)
    skipped = {"parent", "name", "trainable", "dtype", "activity_regularizer", "graph"}
    for f in type(layer).__dataclass_fields__.values():
        if f.init and f.name not in skipped and not f.name.startswith("_"):
            config[f.name] = serialize(getattr(layer, f.name))
    return at_rest(config, layer)


def layer_from_config(cls: type[Layer], config: Mapping[str, JSON], custom_objects: CustomObjects | None) -> Any:
    """The layer that `config_of` described, of whatever class `cls` makes.

    Raises:
        ValueError: an argument that the class does not take, or an unknown class inside the config.
    """
    arguments = {k: deserialize_at(k, v, custom_objects, ("keras.layers", "keras")) for k, v in config.items()}
    arguments.pop("autocast", None)
    check_types(cls, arguments)
    arguments = told(arguments) if arguments.get("trainable") is False else arguments
    return call_with_config(cls, arguments, always=BASE_ARGUMENTS)


def replaced(layer: Layer, changes: Arguments) -> Layer:
    """A copy of a layer with some of its arguments changed.

    Raises:
        TypeError: an argument that the class does not have.
    """
    if layer._description is not None and not set(changes) <= set(BASE_ARGUMENTS):
        base = {n: getattr(layer, n) for n in BASE_ARGUMENTS}
        return cast("Layer", type(layer).from_config({**base, **layer._description.config, **changes}))
    known = set(type(layer).__dataclass_fields__)
    unknown = [c for c in changes if c not in known]
    if unknown:
        raise TypeError(
            explain(
                f"{type(layer).__name__} has no argument {unknown[0]!r}.",
                received=f"replace({', '.join(changes)})",
                usually=did_you_mean(unknown[0], [n for n in known if n[0] != "_" and n != "parent"]),
            )
        )
    if "trainable" in changes:
        changes = {"_unfrozen": False, **changes}
    return layer.clone(parent=None, **{"name": layer.name, **changes})


def abstract_from_build_config(layer: Layer, config: Mapping[str, JSON]) -> Variables:
    """A layer's variables as shapes and dtypes, from a `build_config`: see `Layer.build_from_config`."""
    structs = _structs_of(config)
    key = jax.eval_shape(lambda: jax.random.key(0))
    variables: Variables = jax.eval_shape(lambda key: layer.init(key, *structs), key)
    return variables


def _structs_of(config: Mapping[str, Any]) -> list[PyTree]:
    shapes = config.get("shapes_dict") or {"input": config.get("input_shape")}

    def struct(shape: Any) -> PyTree:
        if shape and isinstance(shape[0], list | tuple):
            return [struct(s) for s in shape]
        return jax.ShapeDtypeStruct(tuple(1 if d is None else d for d in shape), jnp.float32)

    if any(s is None for s in shapes.values()):
        raise ValueError(
            explain("This build_config holds no shape.", received=repr(config), write='{"input_shape": [None, 8]}')
        )
    return [struct(s) for s in shapes.values()]
