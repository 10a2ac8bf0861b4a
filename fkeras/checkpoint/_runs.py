"""Runs that can be resumed: the whole of a run, saved again and again in one directory.

    run/
      000000120/     a checkpoint of kind "trainer" after 120 steps, with the run's record in its manifest
      000000160/     the next one; the last two are kept

Several processes save and load a run together, in a directory that all of them see.

A checkpoint gets its name when it is whole, so one that was cut off is never taken for a finished one: the one before
it is used, and what is left of the other goes when the run goes on.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import pathlib
import shutil
from collections.abc import Mapping

import jax

from ..core import check_room, explain, follow, nest, spec_of
from ..core.typing import Config, FilePath, PyTree
from ..train import Trainer, TrainState
from ..train.distribution import is_first
from ._files._conditions import conditions, warn_of_changes
from ._files._json_values import decode
from ._files._processes import first_alone, said_by_first
from ._files._report import compare
from ._files._run_values import RunValues
from ._orbax._manifest import read_manifest
from ._orbax._manifest_types import Manifest
from ._orbax._numbered import NUMBERED, numbered
from ._orbax._own_files import delete_checkpoint, is_run
from ._orbax._read_arrays import read_arrays
from ._orbax._saved_trees import as_keys, in_structure_of, naming
from ._orbax._write_directory import write_directory
from ._trainer_states import BESIDE, state_specs
from ._training._own_states import state_manifest
from ._training._run_changes import changes_of, other_trainer, warn_of_changes_in
from ._training._shardings import shardings_of
from ._training._trainer_config import trainer_manifest


def save_run(
    directory: FilePath,
    trainer: Trainer,
    state: TrainState,
    record: Config,
    memory: list[PyTree],
    keep: int = 2,
    pool: concurrent.futures.Executor | None = None,
    keep_every: int | None = None,
) -> concurrent.futures.Future[None] | None:
    """Save a run.

    Args:
        directory: the run's directory.
        trainer: what trains.
        state: the whole state; with a `pool`, nobody else's, as it is read while training goes on.
        record: where the run is: numbers, strings, lists and dicts of them; written down at once.
        memory: what each callback remembers; may hold arrays and pytrees of them.
        keep: how many checkpoints stay.
        pool: what writes the arrays; by default this call does, and returns when all is written. Several processes
            have none, as what they send each other has one order.
        keep_every: those after a multiple of so many steps stay, whatever `keep` is.

    Returns:
        With a `pool`, the save that is under way.
    """
    place = _place(directory)
    values = RunValues()
    said = {
        **trainer_manifest(trainer, state),
        **state_manifest(state, strict=False),
        "run": values.encode(record, "record"),
        "memory": [values.encode(m, f"memory/{i}") for i, m in enumerate(memory)],
        "conditions": conditions(state.params, trainer.distribution, state.variables, state.example),
    }
    tree = {**state.tree(), BESIDE: nest(values.arrays)}
    total = record["total"]
    if pool is not None:
        return pool.submit(_write, place, total, said, tree, keep, keep_every)
    _write(place, total, said, tree, keep, keep_every)
    return None


def _write(
    place: pathlib.Path, total: int, said: Config, tree: Mapping[str, PyTree], keep: int, keep_every: int | None
) -> None:
    write_directory(place / f"{total:09d}", said, tree, overwrite=True)
    for old in checkpoints_of(place)[:-keep] if is_first() else ():
        if keep_every is not None and int(old.name) % keep_every == 0:
            continue
        with contextlib.suppress(OSError):  # an old checkpoint that stays does no harm
            delete_checkpoint(old)


def load_run(
    directory: FilePath, trainer: Trainer, like: TrainState, callbacks: int
) -> tuple[TrainState, Config, list[PyTree]] | None:
    """The last whole checkpoint of a run: `(state, record, memory)`, or `None` when there is none.

    Args:
        directory: the run's directory.
        trainer: what trains.
        like: a state of the structure that is expected; the one that is read lies where the trainer's layout says.
        callbacks: how many callbacks the run has.

    Returns:
        The three, or `None`. Where it was saved on another device, or with other versions or settings that change bits,
        a warning names them; likewise where the trainer says something else than the one that it was saved by.

    Raises:
        ValueError: it is another model's or optimizer's run, or one with other callbacks.
        OSError: a run cannot be saved there.
    """
    place = check_room(directory, "The backup of a run", directory=True)
    first_alone(lambda: _clean(place))
    saved = said_by_first("".join(p.name for p in checkpoints_of(place)[-1:]))
    if not saved:
        return None
    manifest = read_manifest(place / saved, ("trainer",))
    if len(manifest["memory"]) != callbacks:
        raise ValueError(
            explain(
                f"The run saved in {str(place)!r} had other callbacks.",
                received=f"{callbacks} callbacks; the saved run had {len(manifest['memory'])}",
                usually="the arguments of `fit` were changed between the two runs.",
                write="the same arguments, or another directory",
            )
        )
    changes = changes_of(manifest, trainer, like)
    report = compare(spec_of(jax.eval_shape(TrainState.tree, like), naming(manifest)), state_specs(manifest))
    if changes and report.faults:
        raise other_trainer(str(place), changes, report.text())
    state, record, memory = read_moment(place / saved, manifest, trainer, like)
    warn_of_changes_in(str(place), changes, trainer, state)
    # as seen from the line that calls `fit`
    now = conditions(state.params, trainer.distribution, state.variables, state.example)
    warn_of_changes(str(place), manifest.get("conditions"), now, level=5)
    return state, record, memory


def read_moment(
    checkpoint: pathlib.Path, manifest: Manifest, trainer: Trainer, like: TrainState
) -> tuple[TrainState, Config, list[PyTree]]:
    """What one checkpoint of a run holds: `(state, record, memory)`.

    Args:
        checkpoint: where it is.
        manifest: what it says of itself.
        trainer: what trains.
        like: a state of the structure that is expected.

    Raises:
        ValueError: it is another model's or optimizer's run.
    """
    tree = jax.eval_shape(TrainState.tree, like)
    expected = spec_of(tree, naming(manifest))
    compare(expected, state_specs(manifest)).require(f"The run in {str(checkpoint.parent)!r}")
    arrays = read_arrays(checkpoint, manifest, shardings=shardings_of(trainer, like, manifest, BESIDE))
    state = like.filled(in_structure_of(tree, arrays, manifest))
    beside = {
        path.removeprefix(f"{BESIDE}/"): as_keys(array, manifest["arrays"][path])
        for path, array in arrays.items()
        if path.startswith(f"{BESIDE}/")
    }
    record = decode(manifest["run"], arrays=beside)
    return state, record, [decode(m, arrays=beside) for m in manifest["memory"]]


def delete_runs(directory: FilePath) -> None:
    """Delete the checkpoints of a run, and the directory when nothing else is in it."""
    first_alone(lambda: _delete(_place(directory)))


def _delete(place: pathlib.Path) -> None:
    _clean(place)
    for old in checkpoints_of(place):
        delete_checkpoint(old)
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def _place(directory: FilePath) -> pathlib.Path:
    return follow(directory, "The backup of a run")


def checkpoints_of(place: pathlib.Path) -> list[pathlib.Path]:
    """The run's checkpoints, oldest first; not what else was saved there under a number."""
    return [p for p in numbered(place) if is_run(p)]


def _clean(place: pathlib.Path) -> None:
    """Remove what interrupted saves have left."""
    for left in place.glob(".*") if place.is_dir() else ():
        number, _, rest = left.name.removeprefix(".").partition("-")
        if not NUMBERED.fullmatch(number) or not rest or left.is_symlink() or not left.is_dir():
            continue
        if rest.startswith("old-"):  # a checkpoint that was being replaced, with what others kept in it
            with contextlib.suppress(OSError):
                delete_checkpoint(left / "old")
                left.rmdir()
        else:
            shutil.rmtree(left, ignore_errors=True)
