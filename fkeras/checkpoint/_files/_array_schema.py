"""What JSON from a file has to say of arrays: their shapes, dtypes, checksums and places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._json_schema import KindError, Path, listed, named, record, text, whole

# No array has a larger size, or more elements.
_MAX_SIZE = 1 << 48
_MAX_RANK = 32
# How deep lists and dicts may nest.
_MAX_DEPTH = 100

SHA256 = text("[0-9a-f]{64}", "a SHA-256 in 64 digits")
# A path that does not leave its directory.
INSIDE = text(r"(?!/)(?!.*//)(?!(.*/)?\.{1,2}(/.*)?$)[^\0]+(?<!/)", "a path that stays in its directory")


def dtype(value: object, at: Path) -> None:
    """The name of a dtype of numbers."""
    try:
        is_one = isinstance(value, str) and (value == "bool" or jnp.issubdtype(jnp.dtype(value), jnp.number))
    except TypeError:
        is_one = False
    if not is_one:
        raise KindError(at, value, "the name of a dtype")


def shape(value: Any, at: Path) -> None:
    """The shape of an array that can exist."""
    listed(whole(0, _MAX_SIZE), 0, _MAX_RANK)(value, at)
    if np.prod([max(d, 1) for d in value], dtype=object) > _MAX_SIZE:
        raise KindError(at, str(value), "the shape of an array")


def random_key(impl: object, shape: Sequence[int], dtype: str, at: Path) -> None:
    """A generator of random numbers whose raw keys have this shape and dtype."""
    try:
        if isinstance(impl, str):
            raw = jax.ShapeDtypeStruct(tuple(shape), jnp.dtype(dtype))
            jax.eval_shape(lambda data: jax.random.wrap_key_data(data, impl=impl), raw)
            return
    except (ValueError, TypeError):
        pass
    raise KindError(at, impl, f"a kind of random keys whose raw form is {dtype}{list(shape)}")


def array(value: Any, at: Path) -> None:
    """The record of an array."""
    record({"shape": shape, "dtype": dtype, "sha256": SHA256})(value, at)
    if "prng_impl" in value:
        random_key(value["prng_impl"], value["shape"], value["dtype"], (*at, "prng_impl"))


def example(value: Any, at: Path) -> None:
    """An example input: shapes and dtypes, and kinds of random keys, in lists and dicts."""
    if len(at) > _MAX_DEPTH:
        raise KindError(at[:5], "lists in lists", "an example input")
    is_record = isinstance(value, Mapping) and set(value) - {"prng_impl"} == {"shape", "dtype"}
    if is_record and not isinstance(value["shape"], Mapping):
        shape(value["shape"], (*at, "shape"))
        dtype(value["dtype"], (*at, "dtype"))
        if "prng_impl" in value:
            random_key(value["prng_impl"], value["shape"], value["dtype"], (*at, "prng_impl"))
    elif isinstance(value, Mapping):
        named(example)(value, at)
    else:
        listed(example)(value, at)
