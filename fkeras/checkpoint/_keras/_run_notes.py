"""What fkeras keeps of a run beside Keras's part of a `.keras` file, in `metadata.json` under "fkeras"."""

from __future__ import annotations

from typing import Any, TypedDict, cast

import jax
import jax.numpy as jnp
import numpy as np

from ...core.typing import JSON, PyTree
from ...train import TrainState
from .._files._array_schema import example, random_key
from .._files._json_schema import INT32, Path, anything, listed, maybe, named, record, row, text, whole
from .._orbax._manifest import read_as
from ._archive import METADATA, Archive


class RunNotes(TypedDict, total=False):
    """What a file says of a run; Keras's own files say nothing.

    Attributes:
        step: how many steps were made.
        key: the generator and the numbers of the run's key.
        example: shapes and dtypes of the example input that the state was made from.
        trainer_class: the name of the trainer's class, where it is one of the user's own.
        fields: the trainer's fields that Keras does not have.
    """

    step: int
    key: tuple[str, list[int]]
    example: PyTree
    trainer_class: str | None
    fields: dict[str, JSON]


def _key(value: Any, at: Path) -> None:
    row(text(), listed(whole(0, 2**32 - 1), 1, 64))(value, at)
    random_key(value[0], (len(value[1]),), "uint32", at)


def _notes(value: Any, at: Path) -> None:
    fields = named(anything)
    record({}, {"step": whole(0, INT32), "example": maybe(example), "trainer_class": maybe(text()), "fields": fields})(
        value, at
    )
    if "key" in value:
        record({"key": _key, "step": anything})(value, at)


_METADATA = record({}, {"fkeras": _notes})


def read_run_notes(archive: Archive) -> RunNotes:
    """What a file says of a run.

    Raises:
        ValueError: something that fkeras does not write.
    """
    said: Any = archive.json(METADATA) if METADATA in archive.names else {}
    read_as(said, _METADATA, f"{METADATA} in {str(archive.path)!r}")
    return cast(RunNotes, said.get("fkeras", {}))


def key_notes(state: TrainState) -> tuple[str, list[int]]:
    """The run's key as JSON."""
    return str(state.rng_impl), np.asarray(state.rng_data).tolist()


def with_run(state: TrainState, notes: RunNotes) -> TrainState:
    """The state with the key and step of the run, where the file says them."""
    if "key" not in notes:
        return state
    impl, data = notes["key"]
    key = jax.random.wrap_key_data(jnp.asarray(data, jnp.uint32), impl=impl)
    return state.replace(rng=key, step=jnp.asarray(notes["step"], jnp.int32))
