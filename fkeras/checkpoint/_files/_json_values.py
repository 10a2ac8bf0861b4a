"""Values of a user's own fields as JSON, exactly, with large arrays kept beside it.

What JSON does not have is `{kind: content}`. Classes and functions are looked up by name when they are read, in the
registry and in `custom_objects`; nothing is imported by a name that a file holds.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core import address_of, deserialize, explain, look_up, serialize_function, serialize_object

# Arrays of more bytes than this do not belong in JSON.
_LARGE = 1 << 16

_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


def encode(value: Any, beside: dict[str, Any] | None = None) -> Any:
    """A value as JSON.

    Args:
        value: numbers, strings, dtypes, arrays, functions, objects with a config, enums, records (dataclasses and named
            tuples), and containers of those.
        beside: takes the arrays that are too large for JSON; `None` where there is no place for any.

    Raises:
        TypeError: something else.

    >>> encode((0.5, {"a": 1}))
    {'tuple': [{'float': '0x1.0000000000000p-1'}, {'dict': [['a', 1]]}]}
    >>> decode(encode((0.5, {"a": 1})))
    (0.5, {'a': 1})
    """
    if isinstance(value, enum.Enum):
        return {"member": [type(value).__name__, value.name]}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.generic | np.ndarray | jax.Array):
        return _encode_array(value, beside)
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, np.dtype) or (isinstance(value, type) and hasattr(value, "dtype")):
        return {"dtype": jnp.dtype(value).name}
    if isinstance(value, Mapping):
        return {"dict": [[encode(k, beside), encode(v, beside)] for k, v in value.items()]}
    if type(value) in _CONTAINERS.values():
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return {type(value).__name__: [encode(v, beside) for v in items]}
    return _encode_object(value, beside)


def _encode_array(value: Any, beside: dict[str, Any] | None) -> Any:
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return {"key": [str(jax.random.key_impl(value)), _encode_array(jax.random.key_data(value), beside)]}
    if value.nbytes > _LARGE:
        # 64-bit numbers of numpy would lose half their bits among jax's arrays
        if beside is None or (
            isinstance(value, np.ndarray) and jax.dtypes.canonicalize_dtype(value.dtype) != value.dtype
        ):
            raise TypeError(f"an array of {value.nbytes:,} bytes")
        beside[f"{len(beside)}"] = value
        return {"beside": [f"{len(beside) - 1}", isinstance(value, jax.Array)]}
    if not (jnp.issubdtype(value.dtype, jnp.number) or value.dtype == bool):
        raise TypeError(f"an array of {value.dtype}")
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    kind = "jax" if isinstance(value, jax.Array) else "scalar" if isinstance(value, np.generic) else "numpy"
    return {kind: [value.dtype.name, list(value.shape), data]}


def _encode_object(value: Any, beside: dict[str, Any] | None) -> Any:
    cls = type(value)
    if hasattr(value, "get_config") and hasattr(cls, "from_config"):
        return {"object": serialize_object(value)}
    if callable(value) and hasattr(value, "__name__") and not isinstance(value, type) and not inspect.ismethod(value):
        module, name = address_of(value) or (None, None)
        known = {"module": module, "class_name": "function", "config": name}
        return {"function": known if name else serialize_function(value)}
    closures = isinstance(value, optax.GradientTransformation)
    if isinstance(value, tuple) and hasattr(value, "_fields") and not closures:
        return {"record": [cls.__name__, [[f, encode(getattr(value, f), beside)] for f in value._fields]]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not callable(value):
        fields = [f.name for f in dataclasses.fields(value) if f.init]
        return {"record": [cls.__name__, [[f, encode(getattr(value, f), beside)] for f in fields]]}
    raise TypeError(f"{'an optax transformation' if closures else f'a {cls.__name__}'}, which has no config")


def decode(value: Any, custom_objects: Mapping[str, Any] | None = None, beside: Mapping[str, Any] | None = None) -> Any:
    """The value that `encode` described.

    Raises:
        ValueError: an unknown class, function or kind of value.
    """
    if not isinstance(value, Mapping):
        return value

    def inside(part: Any) -> Any:
        return decode(part, custom_objects, beside)

    ((kind, content),) = value.items()
    match kind:
        case "float":
            return float.fromhex(content)
        case "bytes":
            return base64.b64decode(content)
        case "numpy" | "scalar" | "jax":
            name, shape, data = content
            array = np.frombuffer(base64.b64decode(data), jnp.dtype(name)).reshape(shape)
            return jnp.asarray(array) if kind == "jax" else array[()] if kind == "scalar" else array.copy()
        case "key":
            return jax.random.wrap_key_data(inside(content[1]), impl=content[0])
        case "beside":
            array = (beside or {})[content[0]]
            return array if content[1] else np.asarray(array)
        case "dtype":
            return jnp.dtype(content)
        case "dict":
            return {inside(k): inside(v) for k, v in content}
        case "object" | "function":
            return deserialize(content, custom_objects)
        case "member":
            return look_up(content[0], custom_objects=custom_objects)[content[1]]
        case "record":
            return look_up(content[0], custom_objects=custom_objects)(**{name: inside(v) for name, v in content[1]})
    if kind in _CONTAINERS:
        return _CONTAINERS[kind]([inside(v) for v in content])
    raise ValueError(explain(f"A value of an unknown kind: {kind!r}.", usually="a later fkeras wrote it."))
