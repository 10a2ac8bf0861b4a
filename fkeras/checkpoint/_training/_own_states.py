"""States of a class of the user's own: what a manifest says of their fields, and states from that."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import TypeGuard

import jax
import numpy as np

from ...core import explain, flatten
from ...core.typing import JSON, CustomObjects, PyTree
from ...train import TrainState
from .._files._field_values import FieldValues
from .._files._json_values import decode
from .._orbax._manifest_types import ArrayRecord, Manifest, StateRecord
from .._orbax._saved_trees import struct_of

# The word under which a field's JSON has the structure of its arrays, which are among the state's.
_STRUCTURE = "of arrays"


def state_manifest(state: TrainState, strict: bool = True) -> dict[str, StateRecord]:
    """The class of a state, its own fields that are no arrays, and the structure of those that hold arrays.

    Args:
        state: the state.
        strict: whether what cannot be described is an error; a run that goes on has the state in hand.

    Returns:
        The manifest's part: nothing of a plain `TrainState`.

    Raises:
        TypeError: a field that nobody could make again.
    """
    if type(state) is TrainState:
        return {}
    fields: dict[str, JSON] = {}
    parts, values = state.parts(), FieldValues()
    for name in state.own_fields():
        try:
            if name in parts:
                fields[name] = {_STRUCTURE: values.encode(jax.tree.map(lambda _: 0, parts[name]))}
            else:
                fields[name] = values.encode(getattr(state, name))
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


def as_saved(like: TrainState, manifest: Manifest, custom_objects: CustomObjects | None) -> TrainState:
    """A state of shapes, of the class that was saved and with its own fields.

    Args:
        like: the shapes of the state that the trainer makes.
        manifest: what the checkpoint says.
        custom_objects: the user's own classes by name.

    Returns:
        The state.

    Raises:
        ValueError: a class that `custom_objects` does not have, or other fields than it has.
    """
    record = manifest.get("state")
    if record is None:
        return like
    if type(like).__name__ == record["class"]:  # the trainer makes states of this class, and knows their structure
        static = {f: v for f, v in record["fields"].items() if not _holds_arrays(v)}
        return dataclasses.replace(like, **{f: decode(v, custom_objects) for f, v in static.items()})
    cls = _class_named(record["class"], custom_objects)
    records = manifest["arrays"]
    own = {
        field: _shapes(field, decode(value[_STRUCTURE], custom_objects), records)
        if _holds_arrays(value)
        else decode(value, custom_objects)
        for field, value in record["fields"].items()
    }
    _check_has(cls, own, record["class"])
    base = {f.name: getattr(like, f.name) for f in dataclasses.fields(like)}
    return cls(**{**base, **own})


def _class_named(name: str, custom_objects: CustomObjects | None) -> type[TrainState]:
    """The class of the user's own that has this name.

    Raises:
        ValueError: the user did not hand it.
    """
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
    return cls


def _check_has(cls: type[TrainState], own: Collection[str], name: str) -> None:
    """Refuse saved fields that a class, handed under this name, does not have."""
    gone = sorted(set(own) - {f.name for f in dataclasses.fields(cls)})
    if gone:
        raise ValueError(
            explain(
                f"The state was saved with the field {gone[0]!r}, which {name} does not have.",
                received=f"the saved fields {sorted(own)}",
                usually="the class was changed after the run was saved.",
            )
        )


def _holds_arrays(value: JSON) -> TypeGuard[dict[str, JSON]]:
    return isinstance(value, Mapping) and _STRUCTURE in value


def _shapes(field: str, skeleton: PyTree, records: Mapping[str, ArrayRecord]) -> PyTree:
    """The shapes of a field's arrays, in the place of the zeros of its skeleton."""
    blank = jax.tree.map(lambda _: np.zeros(()), skeleton)
    names = list(flatten({field: blank}))
    return jax.tree.unflatten(jax.tree.structure(blank), [struct_of(records[name]) for name in names])
