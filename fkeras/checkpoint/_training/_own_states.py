"""What a checkpoint says of a state that is of a class of the user's own, and that state again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...train import TrainState
from .._files._json_values import decode, encode
from .._orbax import _directory


def state_manifest(state: TrainState, strict: bool = True) -> dict[str, Any]:
    """The class of a state, its own fields that are no arrays, and the structure of those that hold arrays.

    Args:
        state: the state.
        strict: whether what cannot be described is an error; a run that goes on has the state in hand.

    Raises:
        TypeError: a field that nobody could make again.
    """
    if type(state) is TrainState:
        return {}
    fields: dict[str, Any] = {}
    parts = state.parts()
    for name in state.own_fields():
        try:
            if name in parts:
                # the arrays themselves are among the state's
                fields[name] = {"of arrays": encode(jax.tree.map(lambda _: 0, parts[name]))}
            else:
                fields[name] = encode(getattr(state, name))
        except (TypeError, ValueError) as error:
            if strict:
                raise TypeError(
                    explain(
                        f"The field {name!r} of the state cannot be written.",
                        received=str(error).splitlines()[0],
                        write="numbers, strings, and arrays in dicts, lists, tuples, named tuples and dataclasses",
                    )
                ) from error
    return {"state": {"class": type(state).__name__, "fields": fields}}


def as_saved(like: TrainState, manifest: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> TrainState:
    """A state of shapes, of the class that was saved and with its own fields.

    Args:
        like: the shapes of the state that the trainer makes.
        manifest: what the checkpoint says.
        custom_objects: the user's own classes by name.

    Raises:
        ValueError: a class that `custom_objects` does not have, or other fields than it has.
    """
    told = manifest.get("state")
    if told is None:
        return like
    if type(like).__name__ == told["class"]:  # the trainer makes such states, and knows their structure
        static = {f: v for f, v in told["fields"].items() if not _holds_arrays(v)}
        return dataclasses.replace(like, **{f: decode(v, custom_objects) for f, v in static.items()})
    name = told["class"]
    cls = (custom_objects or {}).get(name)
    if not (isinstance(cls, type) and issubclass(cls, TrainState)):
        raise ValueError(
            explain(
                f"The state was saved as a {name!r}, a class of your own.",
                received="no such class in custom_objects" if cls is None else f"{cls!r}, which is no TrainState",
                usually="fkeras never imports a class by a name found in a file.",
                write=f"fk.load_trainer(path, custom_objects={{{name!r}: {name}}})",
            )
        )
    records = manifest["arrays"]
    own = {
        field: _shapes(field, decode(value["of arrays"], custom_objects), records)
        if _holds_arrays(value)
        else decode(value, custom_objects)
        for field, value in told["fields"].items()
    }
    known = {f.name for f in dataclasses.fields(cls)}
    gone = sorted(set(own) - known)
    if gone:
        raise ValueError(
            explain(
                f"The state was saved with the field {gone[0]!r}, which {name} does not have.",
                received=f"the saved fields {sorted(own)}",
                usually="the class was changed after the run was saved.",
            )
        )
    base = {f.name: getattr(like, f.name) for f in dataclasses.fields(like)}
    return cls(**{**base, **own})


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, Mapping) and "of arrays" in value


def _shapes(field: str, skeleton: Any, records: Mapping[str, Any]) -> Any:
    """The shapes of a field's arrays, in the place of the zeros of its skeleton."""
    blank = jax.tree.map(lambda _: np.zeros(()), skeleton)
    names = list(_directory.flatten({field: blank}))
    return jax.tree.unflatten(jax.tree.structure(blank), [shape_of(records[name]) for name in names])


def shape_of(record: Mapping[str, Any]) -> Any:
    """The array that a manifest records, as a shape; keys are keys."""
    struct = jax.ShapeDtypeStruct(tuple(record["shape"]), jnp.dtype(record["dtype"]))
    impl = record.get("prng_impl")
    return struct if impl is None else jax.eval_shape(lambda d: jax.random.wrap_key_data(d, impl=impl), struct)
