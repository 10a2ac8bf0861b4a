"""Values as JSON, exactly, and back: what checkpoints say of fields, of where a run is, and of callbacks' memory.

What JSON does not have is a dict of one word, `{word: content}`:

    float      its digits in hexadecimal               bytes    in base 64
    list, tuple, set, frozenset                        dict     pairs of a key and a value
    numpy, jax, scalar   dtype, shape and bytes        dtype    its name
    array, beside        where an array is kept        key      a generator and its raw keys
    object, function     what a config says of it      member   of an enum: class and name
    record     a dataclass or named tuple: class and fields

There is one reader. Of writers there are two, as files keep arrays in two ways: `FieldValues` here, and `RunValues` in
`_run_values`. Classes and functions are looked up by name when they are read, in the registry and in `custom_objects`;
nothing is imported by a name that a file holds.
"""

from __future__ import annotations

import abc
import base64
import enum
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import deserialize, explain, look_up
from ...core.typing import JSON, Array, CustomObjects

CONTAINERS: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class ValueWriter(abc.ABC):
    """Writes values as JSON; a subclass decides where arrays are kept, and which objects there may be."""

    #: Whether a member of an enum is written by its name; if not, one that is a number or a text is written as that.
    writes_enums = True

    def encode(self, value: object, path: str = "") -> JSON:
        """A value as JSON.

        Args:
            value: numbers, strings, arrays, containers of those, and whatever else this writer knows.
            path: where the value is, which names the arrays in it that are kept elsewhere.

        Returns:
            What `decode` reads.

        Raises:
            TypeError: something that cannot be written.
        """
        if isinstance(value, enum.Enum) and self.writes_enums:
            return {"member": [type(value).__name__, value.name]}
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, np.generic | np.ndarray | jax.Array):
            return self.array(value, path)
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, bytes):
            return {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, Mapping):
            return {"dict": [[self.encode(k, path), self.encode(v, self.inside(path, k))] for k, v in value.items()]}
        if type(value) in (list, tuple):
            return self.items(type(value).__name__, value, path)
        return self.other(value, path)

    def items(self, word: str, values: Any, path: str) -> JSON:
        """The items of a list, a tuple or a set, under a word."""
        return {word: [self.encode(item, self.inside(path, i)) for i, item in enumerate(values)]}

    def inside(self, path: str, key: object) -> str:
        """The path of what is in a container under a key."""
        return path

    @abc.abstractmethod
    def array(self, value: np.generic | np.ndarray | Array, path: str) -> JSON:
        """An array as JSON, or where it is kept."""

    @abc.abstractmethod
    def other(self, value: object, path: str) -> JSON:
        """A value of another kind."""


def in_base_64(word: str, array: np.generic | np.ndarray | Array) -> JSON:
    """An array in JSON: its dtype, shape and bytes."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {word: [array.dtype.name, list(array.shape), data]}


def decode(value: Any, custom_objects: CustomObjects | None = None, arrays: Mapping[str, Array] | None = None) -> Any:
    """The value that `ValueWriter.encode` described.

    Args:
        value: what JSON has of it.
        custom_objects: the user's own classes and functions by name.
        arrays: those that are kept elsewhere, by the name that the JSON has for them.

    Returns:
        The value.

    Raises:
        ValueError: an unknown class, function or kind of value.
    """
    if not isinstance(value, Mapping):
        return value

    def inside(part: Any) -> Any:
        return decode(part, custom_objects, arrays)

    ((word, content),) = value.items()
    match word:
        case "float":
            return float.fromhex(content)
        case "bytes":
            return base64.b64decode(content)
        case "scalar" if len(content) == 2:  # written by `RunValues`: a dtype and a number
            return np.dtype(content[0]).type(inside(content[1]))
        case "numpy" | "scalar" | "jax":
            name, shape, data = content
            array = np.frombuffer(base64.b64decode(data), jnp.dtype(name)).reshape(shape)
            return jnp.asarray(array) if word == "jax" else array[()] if word == "scalar" else array.copy()
        case "key":
            return jax.random.wrap_key_data(inside(content[1]), impl=content[0])
        case "array":
            return (arrays or {})[content]
        case "beside":
            kept = (arrays or {})[content[0]]
            return kept if content[1] else np.asarray(kept)
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
    if word in CONTAINERS:
        return CONTAINERS[word]([inside(v) for v in content])
    raise ValueError(explain(f"A value of an unknown kind: {word!r}.", usually="a later fkeras wrote it."))
