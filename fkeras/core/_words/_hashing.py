"""Configurations as hashable values, so that a layer or model can be a static argument of `jax.jit`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable, Mapping
from typing import Any, cast

import jax
import numpy as np
from flax import linen

# Bytes of an array that are kept as they are.
_FEW = 2**10


def hashable(value: Any) -> Hashable:
    """A hashable stand-in for a configuration value; equal values give equal stand-ins.

    >>> hashable({"b": [1, 2], "a": None})
    (('a', None), ('b', (1, 2)))
    """
    if hasattr(value, "_layer_key") and not isinstance(value, type):  # a layer: its name is part of its place
        return (value.name, value._layer_key())
    if isinstance(value, list | tuple):
        return tuple(hashable(v) for v in value)
    if isinstance(value, Mapping):
        return tuple(sorted(((str(k), hashable(v)) for k, v in value.items()), key=lambda item: item[0]))
    if isinstance(value, set | frozenset):
        return frozenset(hashable(v) for v in value)
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    if isinstance(value, jax.core.Tracer):  # it has no content yet
        return (jax.core.Tracer, id(value))
    if isinstance(value, np.ndarray | jax.Array):
        if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
            return ("key", str(jax.random.key_impl(value)), hashable(jax.random.key_data(value)))
        array = np.asarray(value)
        return (array.shape, array.dtype.name, content_key(array))
    if hasattr(value, "symbolic_shape"):  # a symbolic tensor: `==` of two is a third
        return (type(value), id(value))
    try:
        hash(value)
        return cast(Hashable, value)
    except TypeError:
        if isinstance(value, linen.Module):  # its hash is that of its fields, of which one is a list or an array
            return (type(value), tuple((n, hashable(getattr(value, n))) for n in _fields_of(type(value))))
        return (type(value), id(value))


class HashedOnce:
    """A key that is hashed once: when the interpreter ends, what is kept under it dies after what it is made of.

    >>> HashedOnce("dense", (3, 2)) == HashedOnce("dense", (3, 2))
    True
    """

    __slots__ = ("_hash", "_parts")

    def __init__(self, *parts: Hashable) -> None:
        self._parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, HashedOnce) and self._parts == other._parts)


def content_key(array: np.ndarray) -> bytes:
    """The numbers of an array as a value: themselves where they are few, else a digest that stands for them.

    >>> len(content_key(np.zeros(2))), len(content_key(np.zeros(2**20)))
    (16, 32)
    """
    if array.nbytes <= _FEW:
        return array.tobytes()
    return hashlib.blake2b(np.ascontiguousarray(array).view(np.uint8), digest_size=32).digest()


def _fields_of(cls: type[linen.Module]) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if field.name != "parent"]
