"""A guest as JSON: what its library calls its class, and the arguments that it was made with; read by a closed table.

A file names a class of `flax.linen`, `flax.nnx` or `equinox.nn`, or one of the user's own, which `custom_objects` or
`fk.saving.register_keras_serializable` has. Nothing is imported by a name that a file holds.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from ...core import deserialize, explain, look_up, own_name_of, serialize_object
from ...core.typing import JSON, CustomObjects
from ._as_module import as_equinox, as_module, equinox_parts
from ._host import Host
from ._nnx_module import NNXModule
from ._signatures import signature_of

#: What each kind of value that JSON does not have is written under.
_KINDS = ("linen", "nnx", "equinox", "tuple", "dict", "dtype", "named", "object")
# A module with as many layers as its file says is made one after another.
_MOST_LAYERS = 1_000


class Said(Host):
    """What stands for a guest in the config of its layer.

    Attributes:
        record: the JSON.
    """

    record: Any

    @property
    def _written_as(self) -> JSON:
        return self.record  # type: ignore[no-any-return]


# ------------------------------------------------------------------ a guest -> JSON
def written(module: linen.Module) -> JSON:
    """A guest as JSON.

    Args:
        module: a Linen module, or the host of a module of NNX or Equinox.

    Raises:
        TypeError: an instance of a module of NNX or Equinox, which has no arguments, or an argument that has no form.

    >>> written(linen.Dense(2))
    {'linen': {'library': 'flax.linen', 'name': 'Dense'}, 'kwargs': {'features': 2}}
    """
    if isinstance(module, NNXModule):
        training = {} if module.wrt is nnx.Param else {"wrt": _named(module.wrt)}
        return {"nnx": _factory(module.source), **_arguments(module.source), **training}
    if type(module).__module__.startswith("fkeras.") and hasattr(module, "source"):
        source: Any = module.source
        if source.filter is not type(source).filter:
            raise TypeError("a filter of one's own has no name")
        return {"equinox": _factory(source), **_arguments(source), "vmap": module.vmap}  # type: ignore[attr-defined]
    given: dict[str, JSON] = {}
    for field in dataclasses.fields(module):
        value = getattr(module, field.name, None)
        if field.init and field.name not in ("parent", "name") and not _is_default(field, value):
            given[field.name] = _encoded(value)
    if module.name is not None:
        given["name"] = module.name
    return {"linen": _named(type(module)), "kwargs": given}


def _is_default(field: dataclasses.Field[Any], value: object) -> bool:
    if field.default is not dataclasses.MISSING:
        return value is field.default or (isinstance(value, bool | int | float | str) and value == field.default)
    return field.default_factory is not dataclasses.MISSING and value == field.default_factory()


def _factory(source: Any) -> JSON:
    if source.factory is None:
        raise TypeError(f"{source.name} was handed over as an instance, whose arguments nobody knows")
    return _named(source.factory)


def _arguments(source: Any) -> dict[str, JSON]:
    kwargs = {name: _encoded(value) for name, value in source.kwargs.items()}
    return {"args": [_encoded(value) for value in source.args], "kwargs": kwargs}


def _named(value: Any) -> dict[str, JSON]:
    """A class or function by its name, and the library that has it."""
    name = str(getattr(value, "__name__", type(value).__name__))
    for library, inside in _libraries().items():
        if getattr(inside, name, None) is value and _may_be_named(value, library):
            return {"library": library, "name": name}
    if name == "<lambda>" or not name.isidentifier() or not callable(value):
        raise TypeError(f"{name} has no name that a config could hold")
    if getattr(value, "__closure__", None):  # `he_normal()` is a function named `init`
        raise TypeError(
            f"{value.__qualname__} is a function that another one made, and its name does not say what it does"
        )
    return {"name": own_name_of(value) or name}


def _encoded(value: Any) -> JSON:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)) or _is_scalar(value):
        return {"dtype": jnp.dtype(value).name}
    if isinstance(value, list):
        return [_encoded(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [_encoded(v) for v in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encoded(v) for key, v in value.items()}}
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"object": serialize_object(value)}
    if isinstance(value, linen.Module):
        return written(value)
    if callable(value):
        return {"named": _named(value)}
    raise TypeError(f"a {type(value).__name__} among its arguments has no form in a config")


def _is_scalar(value: Any) -> bool:
    """Whether a value is a dtype as `jax.numpy` has it, such as `jnp.bfloat16`."""
    return isinstance(getattr(value, "dtype", None), np.dtype) and getattr(jnp, value.dtype.name, None) is value


# ------------------------------------------------------------------ JSON -> a guest
def read(config: JSON, custom_objects: CustomObjects | None) -> linen.Module:
    """The guest that `written` described.

    Args:
        config: the JSON.
        custom_objects: the user's own classes and functions by name.

    Raises:
        ValueError: JSON of another form, a name that nobody knows, or arguments that do not fit.
    """
    kind = next((kind for kind in ("linen", "nnx", "equinox") if isinstance(config, Mapping) and kind in config), None)
    if not isinstance(config, Mapping) or kind is None:
        raise ValueError(explain("The config describes no module of another library.", received=repr(config)[:80]))
    made = _of_name(config[kind], custom_objects)
    args = _decoded(config.get("args", []), custom_objects)
    kwargs = _decoded({"dict": config.get("kwargs", {})}, custom_objects)
    try:
        if kind == "linen":
            return _checked_linen(made)(**kwargs)
        _check_depth(made, args, kwargs)
        if kind == "nnx":
            wrt = None if "wrt" not in config else _of_name(config["wrt"], custom_objects)
            return as_module(made, tuple(args), kwargs, wrt)
        return as_equinox(made, tuple(args), kwargs, vmap=bool(config.get("vmap", True)))
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(
            explain(
                f"{getattr(made, '__name__', made)} cannot be made of the arguments in the config.",
                received=str(error).splitlines()[0] if str(error) else type(error).__name__,
                usually="the class was changed after the model was saved, or the file is damaged.",
            )
        ) from error


def _checked_linen(made: Any) -> Callable[..., linen.Module]:
    if isinstance(made, type) and issubclass(made, linen.Module):
        return made
    raise TypeError("it is no class of Linen's modules")


def _check_depth(made: Any, args: list[Any], kwargs: Mapping[str, Any]) -> None:
    parameters = signature_of(made).parameters
    count = {**dict(zip(parameters, args, strict=False)), **kwargs}.get("depth")
    if isinstance(count, int) and count > _MOST_LAYERS:
        raise ValueError(explain("The config asks for too many layers.", received=f"depth={count}"))


def _of_name(config: Any, custom_objects: CustomObjects | None) -> Any:
    """A class or function by its name: of a library's, the public ones alone."""
    if not isinstance(config, Mapping) or not isinstance(config.get("name"), str):
        raise ValueError(explain("A name in the config of a guest is no text.", received=repr(config)[:80]))
    name, library = config["name"], config.get("library")
    if library is None:
        return look_up(name, None, name, custom_objects)
    inside = _libraries(library).get(str(library))
    found = None if name.startswith("_") else getattr(inside, name, None)
    if found is None or not _may_be_named(found, str(library)):
        raise ValueError(
            explain(
                f"{library} has no module or function {name!r} that a config may name.",
                received=repr(dict(config))[:80],
                usually="another version of the library, or a damaged file.",
            )
        )
    return found


def _libraries(named: object = None) -> dict[str, Any]:
    """The libraries whose public classes, or functions, a config may name."""
    known: dict[str, Any] = {"flax.linen": linen, "flax.nnx": nnx, "jax.nn": jax.nn}
    if named == "equinox.nn" or (named is None and "equinox" in sys.modules):
        equinox_parts()  # an error in words where it is not installed
        import equinox

        known["equinox.nn"] = equinox.nn
    return known


def _may_be_named(value: object, library: str) -> bool:
    if library == "jax.nn":  # activations, which are pure
        return callable(value) and not isinstance(value, type)
    if library == "flax.linen":
        return isinstance(value, type) and issubclass(value, linen.Module)
    if library == "flax.nnx":
        return isinstance(value, type) and issubclass(value, nnx.Module | nnx.Variable)
    return _is_class(value) and any(base.__name__ == "Module" for base in value.__mro__[1:])


def _is_class(value: object) -> TypeGuard[type]:
    return isinstance(value, type)


def _decoded(value: Any, custom_objects: CustomObjects | None) -> Any:
    if isinstance(value, list):
        return [_decoded(v, custom_objects) for v in value]
    if not isinstance(value, Mapping):
        return value
    kind = next((kind for kind in _KINDS if kind in value), None)
    if kind in ("linen", "nnx", "equinox"):
        return read(dict(value), custom_objects)
    if kind == "tuple" and isinstance(value["tuple"], list):
        return tuple(_decoded(v, custom_objects) for v in value["tuple"])
    if kind == "dict" and isinstance(value["dict"], Mapping):
        return {str(key): _decoded(v, custom_objects) for key, v in value["dict"].items()}
    if kind == "dtype" and isinstance(value["dtype"], str) and _is_scalar(getattr(jnp, value["dtype"], None)):
        return getattr(jnp, value["dtype"])
    if kind == "named":
        return _of_name(value["named"], custom_objects)
    if kind == "object":
        return deserialize(value["object"], custom_objects, ("keras.layers", "keras.initializers"))
    raise ValueError(explain("An argument of a guest in the config has no known form.", received=repr(value)[:80]))
