"""Runs that go on: the whole of a run, saved again and again in one directory.

    run/
      000000120/     a checkpoint of kind "trainer" after 120 steps, with the run's record in its manifest
      000000160/     the next one; the last two are kept

A checkpoint gets its name when it is whole, so one that was cut off is never taken for a finished one: the one before
it is used, and what is left of the other goes when the run goes on.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..core import check_room, escape_key, explain, follow
from ..train import TrainState
from ._files._report import compare
from ._orbax import _directory
from ._trainers import BESIDE, state_specs
from ._training._compile_config import trainer_manifest
from ._training._own_states import state_manifest


def save_run(
    directory: Any,
    trainer: Any,
    state: TrainState,
    record: Mapping[str, Any],
    memory: list[Mapping[str, Any]],
    keep: int = 2,
    pool: concurrent.futures.Executor | None = None,
) -> concurrent.futures.Future[None] | None:
    """Save a run.

    Args:
        directory: the run's directory.
        trainer: what trains.
        state: the whole state; with a `pool`, nobody else's, as it is read while training goes on.
        record: where the run is: numbers, strings, lists and dicts of them; written down at once.
        memory: what each callback remembers; may hold arrays and pytrees of them.
        keep: how many checkpoints stay.
        pool: what writes the arrays; by default this call does, and returns when all is written.

    Returns:
        With a `pool`, the save that is under way.
    """
    place = _place(directory)
    arrays: dict[str, Any] = {}
    manifest = {
        **trainer_manifest(trainer, state),
        **state_manifest(state, strict=False),
        "run": _encode(record, "record", arrays),
        "memory": [_encode(m, f"memory/{i}", arrays) for i, m in enumerate(memory)],
    }
    tree = {**state.tree(), BESIDE: _directory.nest(arrays)}
    total = record["total"]
    if pool is not None:
        return pool.submit(_write, place, total, manifest, tree, keep)
    _write(place, total, manifest, tree, keep)
    return None


def _write(place: pathlib.Path, total: int, manifest: Mapping[str, Any], tree: Any, keep: int) -> None:
    _directory.write(place / f"{total:09d}", manifest, tree, overwrite=True)
    for old in _checkpoints(place)[:-keep]:
        with contextlib.suppress(OSError):  # one that stays is no harm
            _directory.delete_checkpoint(old)


def load_run(
    directory: Any, trainer: Any, like: TrainState, callbacks: int
) -> tuple[TrainState, dict[str, Any], list[Mapping[str, Any]]] | None:
    """The last whole checkpoint of a run: `(state, record, memory)`, or `None` when there is none.

    Args:
        directory: the run's directory.
        trainer: what trains.
        like: a state of the structure that is expected.
        callbacks: how many callbacks the run has.

    Raises:
        ValueError: it is another model's or optimizer's run, or one with other callbacks.
        OSError: a run cannot be saved there.
    """
    place = check_room(directory, "The backup of a run", directory=True)
    _clean(place)
    saved = _checkpoints(place)
    if not saved:
        return None
    manifest = _directory.read_manifest(saved[-1], ("trainer",))
    if len(manifest["memory"]) != callbacks:
        raise ValueError(
            explain(
                f"The run saved in {str(place)!r} had other callbacks.",
                received=f"{callbacks} callbacks; the saved run had {len(manifest['memory'])}",
                usually="the arguments of `fit` were changed between the two runs.",
                write="the same arguments, or another directory",
            )
        )
    tree = jax.eval_shape(TrainState.tree, like)
    expected = _directory.spec_of(tree, _directory.naming(manifest))
    compare(expected, state_specs(manifest)).require(f"The run in {str(place)!r}")
    arrays = _directory.read_arrays(saved[-1], manifest)
    state = like.filled(_directory.unflatten(tree, arrays, manifest))
    beside = {p.removeprefix(f"{BESIDE}/"): a for p, a in arrays.items() if p.startswith(f"{BESIDE}/")}
    record = _decode(manifest["run"], beside, manifest)
    return state, record, [_decode(m, beside, manifest) for m in manifest["memory"]]


def delete_runs(directory: Any) -> None:
    """Delete the checkpoints of a run, and the directory when nothing else is in it."""
    place = _place(directory)
    _clean(place)
    for old in _checkpoints(place):
        _directory.delete_checkpoint(old)
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def _place(directory: Any) -> pathlib.Path:
    return follow(directory, "The backup of a run")


def _checkpoints(place: pathlib.Path) -> list[pathlib.Path]:
    """The run's checkpoints, oldest first; not what else was saved there under a number."""
    return [p for p in _directory.numbered(place) if _directory.is_run(p)]


def _clean(place: pathlib.Path) -> None:
    """Remove what saves that were cut off have left."""
    for left in place.glob(".*") if place.is_dir() else ():
        number, _, rest = left.name.removeprefix(".").partition("-")
        if not _directory.NUMBERED.fullmatch(number) or not rest or left.is_symlink() or not left.is_dir():
            continue
        if rest.startswith("old-"):  # a checkpoint that was being replaced, and what others kept in it
            with contextlib.suppress(OSError):
                _directory.delete_checkpoint(left / "old")
                left.rmdir()
        else:
            shutil.rmtree(left, ignore_errors=True)


# ------------------------------------------------------------------ values as JSON, arrays beside it
def _encode(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """A value as JSON; floats exactly, arrays by the path under which they are kept."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, np.generic):
        return {"scalar": [value.dtype.name, _encode(value.item(), path, arrays)]}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"numpy": [value.dtype.name, list(value.shape), data]}
    if isinstance(value, jax.Array):
        arrays[path] = value
        return {"array": path}
    if isinstance(value, Mapping):
        return {"dict": [[k, _encode(v, f"{path}/{escape_key(str(k))}", arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        items = [_encode(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    raise TypeError(
        explain(
            "A run's record or a callback's memory holds something that cannot be saved.",
            received=f"{path}: {type(value).__name__}",
            usually="a callback remembers an object of its own.",
            write="numbers, strings, arrays, and lists, tuples and dicts of those",
        )
    )


def _decode(value: Any, arrays: Mapping[str, Any], manifest: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        return value
    ((kind, content),) = value.items()
    if kind == "float":
        return float.fromhex(content)
    if kind == "scalar":
        return np.dtype(content[0]).type(_decode(content[1], arrays, manifest))
    if kind == "bytes":
        return base64.b64decode(content)
    if kind == "numpy":
        name, shape, data = content
        return np.frombuffer(base64.b64decode(data), np.dtype(name)).reshape(shape).copy()
    if kind == "array":
        impl = manifest["arrays"][f"{BESIDE}/{content}"].get("prng_impl")
        return arrays[content] if impl is None else jax.random.wrap_key_data(arrays[content], impl=impl)
    if kind == "dict":
        return {k: _decode(v, arrays, manifest) for k, v in content}
    items = [_decode(v, arrays, manifest) for v in content]
    return tuple(items) if kind == "tuple" else items
