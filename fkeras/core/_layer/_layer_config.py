"""A layer as a config, and a layer with some of its arguments changed."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp

from .._words._config import call_with_config, deserialize_at, serialize, serialize_arguments
from .._words._config_types import check_types
from .._words._errors import did_you_mean, explain
from .._words._fields import NO_ARGUMENTS
from .._words._hashing import hashable
from .._words._quantized_policies import policy_of
from ..typing import JSON, Config, CustomObjects, PyTree, Variables
from ._axis_names import ARGUMENT, axes_config, with_axes
from ._construct import BASE_ARGUMENTS, Arguments, Description, written_by_fields
from ._trainable import at_rest, told

if TYPE_CHECKING:
    from ._layer import Layer


# What the constructor of every layer takes.
_ALWAYS = (*BASE_ARGUMENTS, ARGUMENT)


def config_of(layer: Layer) -> Config:
    """The constructor's arguments as JSON values, under Keras's names.

    Of a class that extends one of fields and has an `__init__` of its own this is what `super().get_config()` returns
    in a `get_config` of its own: the arguments of the class that it extends.
    """
    if layer._description is not None and not has_own_fields(written_by_fields(type(layer))):
        return config_of_arguments(layer)
    config = _base_config(layer)
    if "activity_regularizer" in layer._positional:
        config["activity_regularizer"] = serialize(layer.activity_regularizer)
    values = {name: getattr(layer, name) for name in _own_fields(written_by_fields(type(layer)))}
    return at_rest({**config, **serialize_arguments(layer, values)}, layer)


def config_of_arguments(layer: Layer) -> Config:
    """The arguments of a Keras-style `__init__`; the `get_config` of a class that has one and no `get_config`.

    Raises:
        TypeError: an argument that JSON cannot say, or that has no name because `*args` took it.
    """
    description = layer._description
    assert description is not None
    config = _base_config(layer)
    cls = written_by_fields(type(layer))
    if description.rest and has_own_fields(cls):
        config = cls.get_config(layer)  # which has by name what `*args` took
    elif description.rest and _is_get_config_of_core(type(layer)):
        raise TypeError(
            explain(
                f"{layer.path_text()} has no config: its `__init__` takes arguments without names.",
                received=f"*args = {description.rest!r:.80}",
                usually="`def __init__(self, *args)` in a class without a `get_config`.",
                write="def __init__(self, units, **kwargs): ..., or a `get_config` of the class's own",
            )
        )
    own = {k: v for k, v in description.config.items() if k not in BASE_ARGUMENTS or k not in config}
    return at_rest({**config, **serialize_arguments(layer, own), **layer._learnt_config()}, layer)


def _base_config(layer: Layer) -> Config:
    """What the config of every layer has."""
    config: Config = {
        "name": layer.name,
        "trainable": layer.trainable,
        "dtype": serialize(policy_of(layer.dtype)),
    }
    if layer.activity_regularizer is not None:
        config["activity_regularizer"] = serialize(layer.activity_regularizer)
    return {**config, **axes_config(layer)}


def _own_fields(cls: type[Layer]) -> tuple[str, ...]:
    """The fields of a class that are arguments beside those of every layer."""
    skipped = {*NO_ARGUMENTS, *BASE_ARGUMENTS}
    fields: Mapping[str, dataclasses.Field[Any]] = cls.__dataclass_fields__
    return tuple(f.name for f in fields.values() if f.init and f.name not in skipped and not f.name.startswith("_"))


def has_own_fields(cls: type[Layer]) -> bool:
    """Whether a class has arguments, as fields, beside those of every layer."""
    return bool(_own_fields(cls))


def _is_get_config_of_core(cls: type[Layer]) -> bool:
    """Whether nobody wrote a `get_config` for a class or one that it extends."""
    return str(cls.get_config.__module__).startswith("fkeras.core.")


def layer_from_config(cls: type[Layer], config: Mapping[str, JSON], custom_objects: CustomObjects | None) -> Any:
    """The layer that `config_of` described, of whatever class `cls` makes.

    Raises:
        ValueError: an argument that the class does not take, or an unknown class inside the config.
    """
    arguments = {k: deserialize_at(k, v, custom_objects, ("keras.layers", "keras")) for k, v in config.items()}
    arguments.pop("autocast", None)
    of_fields = BASE_ARGUMENTS if hasattr(cls, "_user_init") else arguments  # an `__init__` may name them otherwise
    check_types(cls, {k: v for k, v in arguments.items() if k in of_fields})
    arguments = told(arguments) if arguments.get("trainable") is False else arguments
    return _made_with(cls, arguments)


def _made_with(cls: type[Layer], arguments: Arguments) -> Any:
    """`cls(**arguments)`, without those that an `__init__` of one's own gives to the class that it extends.

    `{**super().get_config(), "scale": 2.0}` holds what `super().__init__(units, activation="relu")` fixed, and no
    `__init__` takes it again. The layer that is made without must say the same of itself.
    """
    try:
        return call_with_config(cls, arguments, always=_ALWAYS)
    except (TypeError, ValueError):
        if not hasattr(cls, "_user_init"):
            raise
        named = inspect.signature(cls._user_init).parameters
        fixed = {k: v for k, v in arguments.items() if k not in named and k not in _ALWAYS}
        if not fixed:
            raise
        try:
            made = call_with_config(cls, {k: v for k, v in arguments.items() if k not in fixed}, always=_ALWAYS)
            says = made.get_config()
        except (TypeError, ValueError):
            says = {}
        if any(k not in says or hashable(serialize(says[k])) != hashable(serialize(v)) for k, v in fixed.items()):
            raise
        return made


def replaced(layer: Layer, changes: Arguments) -> Layer:
    """A copy of a layer with some of its arguments changed.

    Raises:
        TypeError: an argument that the class does not have.
    """
    description, known = layer._description, set(type(layer).__dataclass_fields__)
    changes = with_axes(type(layer), changes, layer._weight_axes)
    axes = changes.get("_weight_axes", layer._weight_axes)
    if description is not None and not set(changes) <= set(BASE_ARGUMENTS) and not _are_learnt(description, changes):
        base = {n: getattr(layer, n) for n in BASE_ARGUMENTS}
        told_again = {k: v for k, v in changes.items() if k != "_weight_axes"}
        made = cast("Layer", _made_with(type(layer), {**base, **description.config, **told_again}))
        kept = {"_batch_input_shape": layer._batch_input_shape, "_weight_axes": axes}
        return made.clone(parent=None, name=made.name, **kept)
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


def _are_learnt(description: Description, changes: Arguments) -> bool:
    """Whether changes are of what a layer learnt (`adapt`), which no argument of an `__init__` tells."""
    told_again = [c for c in changes if c in description.config and description.config[c] is not changes[c]]
    return any(c.startswith("_") for c in changes) and not told_again


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
