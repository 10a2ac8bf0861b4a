"""The example input that a state was made from, in a manifest: its shapes and dtypes as JSON, and as shapes again."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from ...core import is_key
from ...core.typing import Array, Config, PyTree

# A dict with one of these alone is what JSON lacks: a tuple (a Linen module takes one as several arguments), or a dict
# that would be read as something else.
_TUPLE, _DICT = "tuple", "dict"


def example_record(example: PyTree) -> PyTree:
    """Shapes and dtypes of an example input as JSON; of a random key those of its raw form, and its kind.

    >>> example_record((jax.ShapeDtypeStruct((2, 3), "float32"),))
    {'tuple': [{'shape': [2, 3], 'dtype': 'float32'}]}
    """
    if isinstance(example, tuple):
        return {_TUPLE: [example_record(part) for part in example]}
    if isinstance(example, list):
        return [example_record(part) for part in example]
    if isinstance(example, Mapping):
        named = {name: example_record(part) for name, part in example.items()}
        return {_DICT: named} if set(named) in ({_TUPLE}, {_DICT}, {"shape", "dtype"}) else named
    return jax.tree.map(_leaf_record, example)


def _leaf_record(leaf: jax.ShapeDtypeStruct) -> Config:
    if not is_key(leaf):
        return {"shape": list(leaf.shape), "dtype": leaf.dtype.name}
    kinds: list[str] = []

    def raw_form(key: Array) -> Array:
        kinds.append(str(jax.random.key_impl(key)))
        return jax.random.key_data(key)

    raw = jax.eval_shape(raw_form, leaf)
    return {"shape": list(raw.shape), "dtype": raw.dtype.name, "prng_impl": kinds[0]}


def as_example(said: PyTree) -> PyTree:
    """An example input, as `jax.ShapeDtypeStruct`s, from its record."""
    if said is None:
        return None
    if isinstance(said, list):
        return [as_example(part) for part in said]
    if _is_leaf(said):
        return _struct(said)
    if set(said) == {_TUPLE} and isinstance(said[_TUPLE], list):
        return tuple(as_example(part) for part in said[_TUPLE])
    named = said[_DICT] if set(said) == {_DICT} and not _is_leaf(said[_DICT]) else said
    return {name: as_example(part) for name, part in named.items()}


def _is_leaf(said: PyTree) -> bool:
    is_record = isinstance(said, Mapping) and set(said) - {"prng_impl"} == {"shape", "dtype"}
    return is_record and isinstance(said["shape"], list)


def _struct(said: Config) -> jax.ShapeDtypeStruct:
    raw = jax.ShapeDtypeStruct(tuple(said["shape"]), said["dtype"])
    if "prng_impl" not in said:
        return raw
    return jax.eval_shape(lambda data: jax.random.wrap_key_data(data, impl=said["prng_impl"]), raw)
