"""Configs: Keras's own JSON shape for objects, read through a closed registry.

An object in a config is `{"module", "class_name", "config", "registered_name"}`, as Keras 3 writes it.
`module` and `class_name` are only ever *looked up* in the registry that the library's own files fill
(`@register("keras.layers")`) and in `custom_objects`; nothing is imported by a name that a file holds.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Never, Protocol, TypeAlias, TypeGuard, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from ..typing import JSON, Config, CustomObjects, PyTree
from ._config_errors import at
from ._errors import did_you_mean, explain, explanation_of, nearest
from ._fields import NO_ARGUMENTS
from ._ops_costs import FREE
from ._reading_budget import MAX_DEPTH, Reading, too_large

T = TypeVar("T")
#: A class or function that a config may name.
Registered: TypeAlias = Callable[..., Any]


class HasConfig(Protocol):
    """An object that a config describes."""

    def get_config(self) -> Config:
        """The constructor's arguments as JSON values."""


# (module, name) -> object. Filled by fkeras's own files while they are imported, never by a file that is loaded.
_REGISTRY: dict[tuple[str, str], Registered] = {}
_ADDRESS: dict[object, tuple[str, str]] = {}
# "package>name" -> a user's own class or function, and back. Filled where those are defined, by a decorator.
_OWN: dict[str, Registered] = {}
_OWN_NAMES: dict[object, str] = {}


def register(module: str, name: str | None = None, *, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
    """Make a class or function of fkeras known under Keras's address for it.

    Args:
        module: Keras's module, such as `"keras.layers"`.
        name: Keras's class or function name; the object's own `__name__` by default.
        aliases: further names under which `module`'s strings find it (`"mse"`).

    Returns:
        A decorator that returns the object unchanged.
    """

    def enter(obj: T) -> T:
        own = name or obj.__name__  # type: ignore[attr-defined]
        for key in (own, *aliases):
            _REGISTRY[module, key] = obj  # type: ignore[assignment]
        _ADDRESS.setdefault(obj, (module, own))
        return obj

    return enter


def register_own(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Make a user's own class or function known to files as `package>name`.

    Args:
        package: what it belongs to.
        name: its name; the object's own by default.

    Returns:
        A decorator that returns the object unchanged.

    Raises:
        TypeError: the class itself in the place of `package`: the decorator was used without parentheses.
        ValueError: a class that has no config.
    """
    if not isinstance(package, str):
        raise TypeError(
            explain(
                "The decorator register_keras_serializable is called, with the name of a package.",
                received=repr(package)[:80],
                usually="the parentheses are missing.",
                write='@fk.saving.register_keras_serializable("my_package")',
            )
        )

    def enter(obj: T) -> T:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(
                explain(
                    f"The class {obj.__name__} has no config that a file could hold.",
                    usually="it is no layer, loss, metric or the like.",
                    write="def get_config(self): return {...}",
                )
            )
        known = f"{package}>{name or obj.__name__}"  # type: ignore[attr-defined]
        _OWN[known] = obj  # type: ignore[assignment]
        _OWN_NAMES[obj] = known
        return obj

    return enter


def own_named(name: str) -> Registered | None:
    """What `register_own` made known as `package>name`; `None` where that is nothing."""
    return _OWN.get(name)


def own_name_of(obj: object) -> str | None:
    """`package>name` of what `register_own` made known, else `None`."""
    try:
        return _OWN_NAMES.get(obj)
    except TypeError:  # unhashable, so never registered
        return None


def address_of(obj: object) -> tuple[str, str] | None:
    """`(module, name)` under which `obj` was registered, or `None` for a user's own."""
    try:
        return _ADDRESS.get(obj)
    except TypeError:  # unhashable, so never registered
        return None


def registered(module: str) -> dict[str, Registered]:
    """All names registered under `module` so far, aliases included; `import_all` for those of every file."""
    return {name: obj for (where, name), obj in _REGISTRY.items() if where == module}


@functools.cache
def import_all() -> None:
    """Import the files that are imported when one of their names is used, so that all that has a name is registered."""
    from ... import nn, train  # noqa: F401

    for name in dir(nn):
        getattr(nn, name)


# Keras's modules of networks that have a layer of their own: its module is imported when a config names it.
_NETWORKS = {f"{keras}.applications.{name}": name for keras in ("keras", "keras.src")
             for name in ("convnext", "inception_resnet_v2")}  # fmt: skip


def _entry(module: str, name: str) -> Registered | None:
    """What is registered under a name; `None` if nothing is."""
    if (module, name) not in _REGISTRY:
        import_all()
    if module in _NETWORKS:
        from ... import applications

        getattr(applications, _NETWORKS[module])
    return _REGISTRY.get((module, name))


def look_up(
    class_name: str,
    module: str | None = None,
    registered_name: str | None = None,
    custom_objects: CustomObjects | None = None,
    modules: tuple[str, ...] = (),
) -> Any:
    """Find a class or function by the names that a config gives.

    `custom_objects` wins, by registered name and then by class name; then what the user registered; then the
    registry, by the exact module, and last by any of `modules` (where the caller knows what kind of object it wants).

    Raises:
        ValueError: unknown name; the message lists what is known and how to pass one's own.
    """
    custom = dict(custom_objects or {})
    for key in (registered_name, class_name):
        if key and key in custom:
            return custom[key]
    if registered_name and ">" in registered_name and registered_name.split(">", 1)[1] in custom:
        return custom[registered_name.split(">", 1)[1]]
    if registered_name in _OWN:
        return _OWN[registered_name]
    for where in (module, *modules):
        found = _entry(where, class_name) if where else None
        if found is not None:
            return found
    known = [n for (w, n) in _REGISTRY if w == module or w in modules] or [n for _, n in _REGISTRY]
    raise ValueError(
        explain(
            f"Unknown object {class_name!r}: where it is yours, hand it over, "
            f"custom_objects={{{class_name!r}: {class_name}}}.",
            received=f"module {module!r}, registered as {registered_name!r}",
            usually="the class is your own: fkeras never imports a class by a name found in a config. "
            + did_you_mean(class_name, [*custom, *known], limit=6),
            write=f"custom_objects={{{class_name!r}: {class_name}}}",
        )
    )


# ------------------------------------------------------------------ values -> JSON
def serialize(value: object) -> Any:
    """Turn a value into Keras's JSON form.

    Objects with `get_config` become `{"module", "class_name", "config", "registered_name"}`, tuples become
    lists, arrays `{"class_name": "__numpy__", …}` (JAX's `__tensor__`), slices `__slice__`, functions their registered
    name.

    Raises:
        TypeError: a value that has no JSON form, a lambda for example.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic) and not isinstance(plain := value.item(), np.generic):
        return serialize(plain)
    if _is_dtype(value):
        return np.dtype(value).name
    if isinstance(value, list | tuple):
        return [serialize(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): serialize(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | jax.Array):
        array = np.asarray(value)
        if isinstance(value, np.ndarray) and not array.ndim:
            return serialize(array.item())  # as Keras does
        kind = "__numpy__" if isinstance(value, np.ndarray) else "__tensor__"
        return {"class_name": kind, "config": {"value": array.tolist(), "dtype": _dtype_in_config(array)}}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode()}}
    if isinstance(value, slice):
        config = {part: serialize(getattr(value, part)) for part in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": config}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(value, "_written_as"):  # what a layer begins with is no part of a config, nor of what a file describes
        return serialize(value._written_as)
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize_object(cast(HasConfig, value))
    if callable(value):
        return serialize_function(value)
    raise TypeError(
        explain(
            f"A {type(value).__name__} cannot be written to a config.",
            received=repr(value)[:80],
            usually="an argument of a custom layer is an object without a get_config method.",
            write="def get_config(self): return {...}   # on the object's class, with a matching from_config",
        )
    )


def _is_dtype(value: object) -> TypeGuard[np.dtype | type[np.generic]]:
    """Whether a value is a dtype: numpy's own, or a scalar type of numpy's or of `jax.numpy`'s."""
    if isinstance(value, np.dtype):
        return True
    return isinstance(value, type) and (
        issubclass(value, np.generic) or isinstance(getattr(value, "dtype", None), np.dtype)
    )


def _dtype_in_config(array: np.ndarray) -> str:
    """The dtype of an array as `array_of` reads it; text is of no width.

    Raises:
        TypeError: an array of what JSON does not have, such as dates and complex numbers.
    """
    if array.dtype.kind == "U" or (array.dtype == object and all(isinstance(v, str) for v in array.flat)):
        return "str"
    if array.dtype.kind == "b" or (array.dtype.kind != "c" and jnp.issubdtype(array.dtype, jnp.number)):
        return array.dtype.name
    raise TypeError(
        explain(
            f"An array of dtype {array.dtype} cannot be written to a config.",
            received=f"shape {array.shape}",
            usually="dates, complex numbers, bytes or objects: a config holds numbers and text.",
            write='get_config returns numbers or text instead: {"real": z.real, "imag": z.imag}, dates.astype(str)',
        )
    )


def serialize_arguments(owner: object, values: Mapping[str, object]) -> Config:
    """Arguments in Keras's JSON form.

    Args:
        owner: the layer (or other object) whose they are.
        values: the arguments by name; what is JSON already stays so.

    Raises:
        TypeError: a value that has no JSON form, naming the owner and the argument.
    """
    written: Config = {}
    for key, value in values.items():
        try:
            written[str(key)] = serialize(value)
        except TypeError as error:
            said = explanation_of(error)
            if said is None or said.place:
                raise
            path_text = getattr(owner, "path_text", None)
            who = path_text() if path_text is not None else type(owner).__name__
            raise TypeError(said.with_parts(place=f"the argument {key!r} of {who}")) from None
    return written


def serialize_object(value: HasConfig) -> Config:
    """`{"module", "class_name", "config", "registered_name"}` of an object that has `get_config`."""
    cls = type(value)
    address = address_of(cls)
    config = value.get_config()
    if address is None:  # a user's `get_config` may return arrays, as in Keras
        config = serialize_arguments(value, config)
    storage = getattr(value, "_weights_as", None)  # a layer whose weights are kept in another form
    remat = getattr(value, "_remat", None)  # a layer whose values a backward pass computes again
    # what a layer calls the axes of its weights, which Keras's constructors do not take
    axes = config.get("weight_axes") if getattr(value, "_weight_axes", None) else None
    if axes is not None:
        config = {name: part for name, part in config.items() if name != "weight_axes"}
    return {
        "module": address[0] if address else cls.__module__,
        "class_name": address[1] if address else cls.__name__,
        "config": config,
        "registered_name": None if address else own_name_of(cls) or cls.__name__,
        **({} if storage is None else {"weights_as": serialize_object(storage)}),
        **({} if remat is None else {"remat": remat}),
        **({} if axes is None else {"weight_axes": axes}),
    }


def serialize_function(function: Callable[..., object]) -> JSON:
    """A registered function is its name; a user's own, Keras's record of a function by name."""
    address = address_of(function)
    if address:
        return address[1]
    name = getattr(function, "__name__", type(function).__name__)
    if name == "<lambda>" or not name.isidentifier():
        raise TypeError(
            explain(
                f"The function {name} has no name that a config could hold.",
                received=repr(function),
                usually="it is a lambda or a partial; fkeras never writes (or runs) code in a file.",
                write="def my_function(x): ...   # and custom_objects={'my_function': my_function} to load it",
            )
        )
    module = getattr(function, "__module__", None)
    registered_name = own_name_of(function) or name
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered_name}


# ------------------------------------------------------------------ JSON -> values
def deserialize(
    config: PyTree, custom_objects: CustomObjects | None = None, modules: tuple[str, ...] = (), depth: int = 0
) -> Any:
    """Turn Keras's JSON form back into a value.

    Args:
        config: what `serialize` made, or what real Keras wrote.
        custom_objects: the user's classes and functions by name.
        modules: Keras modules in which a bare class name may be found.
        depth: how deep the caller already is; bounded by `MAX_DEPTH`.

    Returns:
        The value.

    Raises:
        ValueError: unknown class, a lambda's bytecode, or a config nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise too_large(f"lists and dicts nested more than {MAX_DEPTH} deep")
    if isinstance(config, list | tuple):
        return [deserialize_at(i, c, custom_objects, modules, depth + 1) for i, c in enumerate(config)]
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config or "config" not in config:
        return {k: deserialize_at(k, v, custom_objects, modules, depth + 1) for k, v in config.items()}
    class_name, inner = config["class_name"], config["config"]
    if not isinstance(class_name, str):
        raise ValueError(explain("A config's class_name must be a string.", received=repr(class_name)[:80]))
    if class_name in _VALUES:
        with at(class_name):
            return _VALUES[class_name](inner)
    module, registered_name = (_text_or_none(config.get(key), key) for key in ("module", "registered_name"))
    if class_name == "function":
        return _function(inner, module, registered_name, custom_objects, modules)
    cls = look_up(class_name, module, registered_name, custom_objects, modules)
    reading = Reading.of(custom_objects)
    axes = config.get("weight_axes")
    if axes is not None and isinstance(inner, Mapping):
        inner = {**inner, "weight_axes": axes}
    made = build_object(cls, inner, reading)
    storage, remat = config.get("weights_as"), config.get("remat")
    if remat is not None and hasattr(made, "_with_remat"):
        with at("remat"):
            made = made._with_remat(remat)
    if storage is None or not hasattr(made, "stored_as"):
        return made
    return made.stored_as(deserialize_at("weights_as", storage, reading, ("fkeras",), depth + 1))


def _function(
    name: object,
    module: str | None,
    registered_name: str | None,
    custom_objects: CustomObjects | None,
    modules: tuple[str, ...],
) -> Registered:
    """A function by its name; of the ops, one whose work does not depend on what it is called with."""
    if not isinstance(name, str):
        raise ValueError(explain("The config of a function is its name.", received=repr(name)[:80]))
    found: Registered = look_up(name, module, registered_name, custom_objects, modules)
    address = address_of(found)
    if (
        address is not None
        and address[0] == "keras.ops"
        and address[1] not in FREE
        and name not in (custom_objects or ())
    ):
        raise ValueError(
            explain(
                f"A config may not name the op {name!r} as a function.",
                received=f"module {module!r}",
                usually="a file made to harm.",
                write=f"custom_objects={{{name!r}: fk.ops.{name}}}, where that is meant",
            )
        )
    return found


def deserialize_at(key: object, config: PyTree, *rest: Any) -> Any:
    """`deserialize` of what is under a key, which an error is told."""
    if not isinstance(config, Mapping | list | tuple):
        return config
    with at(key):
        return deserialize(config, *rest)


def _text_or_none(value: object, key: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError(explain(f"A config's {key} must be a string.", received=repr(value)[:80]))


def array_of(config: object) -> np.ndarray:
    """The array of a `__numpy__` or `__tensor__` record: numbers, or text, whose entries are text and never a path.

    Raises:
        ValueError: a dtype of something else, or values that are no array of it.

    >>> array_of({"value": [1, 2], "dtype": "float32"})
    array([1., 2.], dtype=float32)
    """
    value, dtype = _parts_of(config, "value", "dtype")
    text = dtype in ("str", "string", "object") or (isinstance(dtype, str) and dtype.lstrip("<>|=")[:1] in ("U", "S"))
    try:
        kind: Any = np.dtype(object) if text else jnp.dtype(dtype)
        numbers = text or kind.kind == "b" or jnp.issubdtype(kind, jnp.number)
        made = np.asarray(value, kind) if numbers and isinstance(dtype, str) else None
    except (TypeError, ValueError, OverflowError, RecursionError, KeyError) as error:
        raise _no_array(f"{type(error).__name__}: {str(error)[:80]}") from None
    if made is None or (text and not all(isinstance(v, str) for v in made.flat)):
        raise _no_array(f"dtype {dtype!r:.80}, of {value!r:.80}")
    return made.astype(str) if text and made.size and _width(made) < 1_000 else made


def _width(array: np.ndarray) -> int:
    """The longest text: numpy keeps all as wide as it, so that one long one would make a large array of few."""
    return max(len(v) for v in array.flat)


def _no_array(received: str) -> ValueError:
    return ValueError(
        explain(
            "A config holds an array that is none.",
            received=received,
            usually="the file is damaged or was edited.",
            write='{"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}',
        )
    )


def _parts_of(config: object, *names: str) -> list[Any]:
    if not isinstance(config, Mapping) or not set(names) <= set(config):
        raise ValueError(explain(f"A config lacks {', '.join(map(repr, names))}.", received=repr(config)[:80]))
    return [config[name] for name in names]


def _slice_of(config: object) -> slice:
    parts = _parts_of(config, "start", "stop", "step")
    if not all(p is None or (isinstance(p, int) and not isinstance(p, bool)) for p in parts):
        raise ValueError(explain("A slice in a config is of whole numbers.", received=repr(parts)[:80]))
    return slice(*parts)


def _refuse_lambda(config: object) -> Never:
    raise ValueError(
        explain(
            "The config holds a lambda's bytecode, and fkeras never runs code from a file.",
            usually="a Lambda layer was saved with an anonymous function.",
            write="a named function in its place when saving, and custom_objects={'its_name': its_name} here",
        )
    )


# What stands for a value that JSON does not have.
_VALUES: dict[str, Callable[[object], object]] = {
    "__numpy__": array_of,
    "__tensor__": array_of,
    "__slice__": _slice_of,
    "__ellipsis__": lambda config: Ellipsis,
    "__bytes__": lambda config: str(_parts_of(config, "value")[0]).encode(),
    "__lambda__": _refuse_lambda,
}


def build_object(cls: Any, config: object, custom_objects: CustomObjects | None = None) -> Any:
    """`cls.from_config(config)`, handing on `custom_objects` where the method takes it."""
    if not hasattr(cls, "from_config"):
        raise ValueError(
            explain(
                f"{getattr(cls, '__name__', cls)!r} is no class that a config can make.",
                usually="a name in custom_objects points at a function where a class was expected.",
            )
        )
    if not isinstance(config, Mapping):
        raise ValueError(explain(f"The config of {cls.__name__} must be a mapping.", received=repr(config)[:80]))
    if "custom_objects" in inspect.signature(cls.from_config).parameters:
        return cls.from_config(dict(config), custom_objects=custom_objects)
    return cls.from_config(dict(config))


def call_with_config(cls: Registered, arguments: Config, always: tuple[str, ...] = ()) -> Any:
    """`cls(**arguments)`, with an unknown argument named and the known ones listed; `always` are known to all."""
    try:
        accepted = inspect.signature(cls).parameters
    except ValueError:
        return cls(**arguments)
    any_name = any(p.kind is p.VAR_KEYWORD for p in accepted.values())  # but no field that only Linen sets
    unknown = [k for k in arguments if k not in accepted and k not in always and (not any_name or k in NO_ARGUMENTS)]
    if unknown:
        raise ValueError(
            explain(
                f"{cls.__name__} takes no argument {unknown[0]!r}.",
                received=f"config keys {sorted(map(str, arguments))}",
                usually=did_you_mean(unknown[0], [k for k in accepted if not k.startswith("_")]),
            )
        )
    return cls(**arguments)


def get(module: str, identifier: object, custom_objects: CustomObjects | None = None) -> Any:
    """Keras's `get` of one module: a name, a config, or the object itself.

    Args:
        module: `"keras.initializers"`, `"keras.losses"`, …
        identifier: a registered name (a class is instantiated without arguments), a config dict, a callable
            or object (returned as it is), a class (instantiated), or `None`.
        custom_objects: the user's classes and functions by name.

    Returns:
        The object; `None` for `None`.

    Raises:
        ValueError: a name that is not known; the message lists the known ones.
    """
    if identifier is None:
        return None
    kind = module.rpartition(".")[2]
    if isinstance(identifier, Mapping):
        made = deserialize(identifier, custom_objects, (module,))
        if made is None or callable(made) or hasattr(made, "get_config"):
            return made
        raise ValueError(
            explain(
                f"This config describes none of {kind}.",
                received=repr(identifier)[:80],
                usually="the config is damaged: class_name or config is missing.",
                write=f"a name, a config dict, or an object of fk.{kind}",
            )
        )
    if isinstance(identifier, str):
        found = (custom_objects or {}).get(identifier)
        found = _entry(module, identifier) if found is None else found
        if found is None:
            known = {**registered(module), **(custom_objects or {})}
            near = nearest(identifier, known)
            raise ValueError(
                explain(
                    f"Unknown name {identifier!r} in {kind}.",
                    received=repr(identifier),
                    usually=did_you_mean(identifier, known),
                    write=f"{near[0]!r}, or the function or object itself"
                    if near
                    else f"fk.{kind}.<Name>(...), or the function or object itself",
                )
            )
        return found() if isinstance(found, type) else found
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier) or hasattr(identifier, "get_config"):
        return identifier
    raise ValueError(
        explain(
            f"Cannot make one of {kind} from a {type(identifier).__name__}.",
            received=repr(identifier)[:80],
            write=f"a name, a config dict, or an object of fk.{kind}",
        )
    )
