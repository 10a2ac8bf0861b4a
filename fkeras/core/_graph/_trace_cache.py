"""One trace for calls that are alike: a model of a thousand layers has few kinds of them.

What a call of one of fkeras's own layers or ops returns is a function of its configuration, of its arguments and of
JAX's settings. Where all of them are equal the trace is shared. A trace lives as long as a graph that holds it, so
nothing is kept for a model that is gone. Layers of a user's own class are traced at each call: what their Python
does need not follow from their configuration alone.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import numpy as np
from flax import linen

from .._words._config import address_of
from .._words._fields import value_fields
from .._words._hashing import HashedOnce, hashable
from ._inferred import Inferred

_TRACES: weakref.WeakValueDictionary[Hashable, Inferred] = weakref.WeakValueDictionary()
# Constants in a call up to this many bytes are compared by value; a call with larger ones is traced for itself.
_SMALL = 2**12
_SETTINGS = (
    "jax_enable_x64",
    "jax_numpy_rank_promotion",
    "jax_numpy_dtype_promotion",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
)
_PLAIN = (str, bytes, type(None), type)


class _Unshared(Exception):  # noqa: N818 - says that a call has no key, which is no error
    """A part of a call that no key stands for."""


def shared(called: object, arguments: tuple[object, ...], trace: Callable[[], Inferred]) -> Inferred:
    """What `trace()` returns, or what it returned for a call that is alike and that a graph still holds.

    Args:
        called: a layer, whose own name does not matter, or a function.
        arguments: what it is called with.
        trace: makes the trace.
    """
    try:
        of_layer = getattr(called, "_trace_key", None)
        key: HashedOnce | None = HashedOnce(
            _settings(), exactly(called) if of_layer is None else of_layer(), exactly(arguments)
        )
        inferred = _TRACES.get(key)
    except (_Unshared, TypeError):  # TypeError: no hash
        key = inferred = None
    if inferred is None:  # traced out here, so that an error of the call is its only one
        inferred = trace()
        if key is not None:
            _TRACES[key] = inferred
    return inferred


def exactly(value: object) -> Hashable:
    """A hashable stand-in for a part of a call; unlike Python's equality it tells 1 from 1.0 and True.

    >>> exactly([1, True]) == exactly([1, 1])
    False
    """
    kind = type(value)
    if kind in _PLAIN or isinstance(value, jax.ShapeDtypeStruct):
        return value
    if kind in (int, float, bool, complex):
        return kind, value
    if kind in (list, tuple) and isinstance(value, list | tuple):
        return kind, tuple(exactly(part) for part in value)
    if isinstance(value, Mapping):
        return kind, tuple((exactly(key), exactly(part)) for key, part in value.items())
    of_layer = getattr(value, "_trace_key", None)
    if of_layer is not None:  # a layer inside a layer: its variables are under its name
        return getattr(value, "name", None), of_layer()
    if isinstance(value, jax.core.Tracer | linen.Module):
        raise _Unshared
    if isinstance(value, np.ndarray | jax.Array) and value.nbytes > _SMALL:
        raise _Unshared
    stand_in = hashable(value)
    if isinstance(stand_in, tuple) and stand_in == (kind, id(value)):
        raise _Unshared  # an identity, which another object may have later
    return kind, stand_in


@functools.cache
def _fields(kind: Any) -> tuple[str, ...]:
    """The fields that a call may depend on; where a layer's own variables are does not follow from its own name."""
    return value_fields(kind)


def key_of_layer(layer: Any) -> Hashable:
    """`exactly` for a layer: its class and fields, without its own name.

    Raises:
        An exception that `shared` understands, for a layer whose call need not follow from them.
    """
    kind: Any = type(layer)
    if address_of(kind) is None or layer._description is not None or layer.graph is not None:
        raise _Unshared
    values = layer.__dict__
    return kind, tuple(exactly(values.get(name)) for name in _fields(kind))


def _settings() -> tuple[Hashable, ...]:
    """The settings of JAX, a `with` block's included, that a trace may depend on."""
    return (*(getattr(jax.config, name) for name in _SETTINGS), jax.sharding.get_abstract_mesh())
