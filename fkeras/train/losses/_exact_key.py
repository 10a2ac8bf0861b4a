"""Keys by which values are compared: equal keys where nothing that a program is made of differs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from flax import linen

from ...core import content_key, hashable

_PLAIN = (str, bytes, bool, int, type(None), type(Ellipsis), np.dtype, type)


@runtime_checkable
class Keyed(Protocol):
    """What says by itself what it is compared by: losses, metrics, optimizers, schedules, callbacks."""

    def _key(self) -> Hashable: ...


class _Identity:
    """Stands for an object that equals nothing but itself, and keeps it alive, so that its address stays its own."""

    __slots__ = ("_object",)

    def __init__(self, value: object) -> None:
        self._object = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self._object is other._object

    def __hash__(self) -> int:
        return id(self._object)


def exact_key(value: object) -> Hashable:
    """A hashable stand-in for a value, equal to another's only where the two cannot give different programs.

    Types count: `1`, `1.0` and `True` differ, and so do a list and a tuple; so do `0.0` and `-0.0`, while a NaN equals
    itself. Arrays are compared by dtype, shape and content, containers entry by entry (mappings in any order), frozen
    dataclasses and partial functions by their parts, and other functions by identity.

    Args:
        value: an argument of a loss, metric, optimizer, schedule or callback, or what holds such.

    Returns:
        A key. It holds what it was made from only where that is compared by identity.

    >>> exact_key(1) == exact_key(True), exact_key([1, None]) == exact_key([1, None])
    (False, True)
    >>> exact_key({"a": np.ones(2), "b": 0.5}) == exact_key({"b": 0.5, "a": np.ones(2)})
    True
    """
    if isinstance(value, _PLAIN):
        return (type(value), value)
    if isinstance(value, float):
        return (type(value), float.hex(value))
    if isinstance(value, complex):
        return (type(value), float.hex(value.real), float.hex(value.imag))
    if isinstance(value, list | tuple) and type(value).__eq__ in (list.__eq__, tuple.__eq__):
        return (type(value), tuple(map(exact_key, value)))
    if isinstance(value, Mapping) and not dataclasses.is_dataclass(value):
        return (type(value), frozenset((exact_key(k), exact_key(v)) for k, v in value.items()))
    if isinstance(value, set | frozenset):
        return (type(value), frozenset(map(exact_key, value)))
    if isinstance(value, Keyed):
        return value._key()
    if isinstance(value, slice):
        return (slice, exact_key((value.start, value.stop, value.step)))
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _array_key(value)
    if isinstance(value, functools.partial):
        return (type(value), exact_key(value.func), exact_key(value.args), exact_key(value.keywords))
    if _is_plain_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}  # type: ignore[arg-type]
        return (type(value), exact_key(parts))
    return _key_of_object(value)


def _array_key(value: np.ndarray | np.generic | jax.Array) -> Hashable:
    if isinstance(value, jax.core.Tracer) or not getattr(value, "is_fully_addressable", True):
        return _Identity(value)
    weak = getattr(value, "weak_type", False)
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return ("key", str(value.dtype), _array_key(jax.random.key_data(value)))
    array = np.asarray(value)
    if array.dtype.hasobject:
        return ("array", array.shape, exact_key(array.tolist()))
    kind = jax.Array if isinstance(value, jax.Array) else type(value)
    return (kind, array.dtype.name, weak, array.shape, content_key(array))


def _is_plain_dataclass(value: object) -> bool:
    """Whether a value is a frozen dataclass that compares by its fields; a module's own comparison is another."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type | linen.Module):
        return False
    parameters = value.__dataclass_params__  # type: ignore[attr-defined]
    return bool(parameters.frozen and parameters.eq)


def _key_of_object(value: object) -> Hashable:
    """An object by its own comparison; by identity where that cannot be a key."""
    if isinstance(value, linen.Module):
        return (type(value), hashable(value))
    try:
        hash(value)
    except TypeError:
        return _Identity(value)
    return (type(value), value)
