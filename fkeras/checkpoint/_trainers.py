"""Saving and loading a whole run: model, compile config and state."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import linen

from ..core import Layer, as_path, check_named, describe, described, explain, given_instead, to_read
from ..core.typing import Array, CustomObjects, FilePath
from ..train import Trainer, TrainState
from ._files._contents import HDF5, HDF5_SUFFIXES
from ._files._plain_weights import check_no_guests
from ._files._processes import first_alone
from ._files._spread_arrays import for_the_first
from ._files._uncalled_hooks import warn_of_uncalled_hooks
from ._files._warnings import warn
from ._hdf5._trainers import load_hdf5_trainer
from ._hdf5._write import save_hdf5_trainer
from ._keras._trainers import load_keras_trainer, save_keras_trainer
from ._live_keras._save import has_guests, save_live
from ._models import kind_of, read_model
from ._orbax._manifest import read_manifest
from ._orbax._manifest_types import Manifest
from ._orbax._numbered import last_of
from ._orbax._read_arrays import read_arrays
from ._orbax._write_directory import write_directory
from ._trainer_states import BESIDE, paths_below, read_state
from ._training._missing_optimizer import MissingOptimizer
from ._training._own_states import state_manifest
from ._training._trainer_config import KERAS_ARGUMENTS, trainer_manifest
from ._training._trainer_from_config import Given, compiled, trainer_class_of

# The part of `BESIDE` that holds large arrays of the trainer's fields.
_FIELDS = "fields"


def save_trainer(trainer: Trainer, directory: FilePath, state: TrainState, overwrite: bool = True) -> None:
    """Save a trainer and the state of its run: in a `.keras` file by that suffix, else in an Orbax directory.

    A directory keeps the whole state. A `.keras` file keeps what Keras's has: model, compile config, weights and the
    optimizer's variables (and the random key, for fkeras); real Keras opens it and goes on training. An `.h5` file, of
    Keras's old form, keeps the same without the random key.

    Args:
        trainer: the trainer, with every argument of `compile` and every field of a subclass. Parts without a config
            (an optax chain, a lambda, a model with a live module of another library) are noted in a directory, and
            given again to `fk.load_trainer`; a `.keras` file cannot do without them.
        directory: the directory or file to make. Several processes that make one run call this together, and see one
            file system: each writes its parts of a directory, and the first one a file.
        state: the state.
        overwrite: whether a checkpoint that is already there may be replaced.

    Raises:
        TypeError: something else than a `TrainState`, or the states of many members.
        ValueError: what a `.keras` file cannot hold.
        FileExistsError: something else is at `directory`, or `overwrite` is false.
    """
    if not isinstance(state, TrainState):
        usually, write = "the arguments are in another order.", "trainer.save(path, state)"
        if isinstance(state, Mapping):
            usually, write = "variables were passed.", "trainer.model.save(path, variables)   # without the optimizer"
        usually, write = given_instead(state, "trainer.save(path, state)", (directory,)) or (usually, write)
        raise TypeError(
            explain(
                "`trainer.save` needs the state of the run.",
                received=describe(state),
                usually=usually,
                write=write,
            )
        )
    if np.ndim(state.step) == 1:
        raise TypeError(
            explain(
                f"`trainer.save` takes the state of one model, and these are states of {len(state.step)} members.",
                received="a state with a leading axis of members, as `fit_many` returns it",
                usually="all members were to be kept: fit_many(..., checkpoint=path) saves a run of many.",
                write="trainer.save(path, fk.train.member(states, 0))",
            )
        )
    directory = as_path(directory, "trainer.save", '"run"')
    warn_of_uncalled_hooks(trainer.model, "trainer.save")
    suffix = pathlib.Path(directory).suffix
    if suffix in (*HDF5_SUFFIXES, ".keras"):
        check_no_guests(trainer.model, directory)
        save = save_keras_trainer if suffix == ".keras" else save_hdf5_trainer
        found = for_the_first(state)
        if suffix == ".keras" and has_guests(trainer.model):
            first_alone(lambda: save_live(trainer, directory, found, overwrite))
            return
        first_alone(lambda: save(trainer, directory, found, overwrite))
        return
    fields: dict[str, np.ndarray | Array] = {}
    said = trainer_manifest(trainer, state, fields, checked_for=f"{directory!r}")
    own_state = state_manifest(state)
    _warn_of_parts(said["without_config"])
    has_graph = isinstance(trainer.model, Layer) and trainer.model.graph is not None
    if not has_graph and said["example"] is None:
        check_named(state.variables, "state = trainer.init(0, x, variables=variables)   # x: one batch")
    beside = {BESIDE: {_FIELDS: fields}} if fields else {}
    write_directory(directory, {**said, **own_state}, {**state.tree(), **beside}, overwrite)


def _warn_of_parts(lost: Mapping[str, str]) -> None:
    """Say which parts a reader will be asked for, beside those of `compile`, which nobody expects in a file."""
    own = {name: why for name, why in lost.items() if name not in KERAS_ARGUMENTS}
    if own:
        warn(
            explain(
                f"The trainer's {', '.join(own)} cannot be written, and will have to be handed to load_trainer.",
                received="; ".join(f"{name}: {why}" for name, why in own.items()),
                write=f"fk.load_trainer(path, {', '.join(f'{name}=...' for name in own)})",
            ),
        )


def load_trainer(
    directory: FilePath,
    custom_objects: CustomObjects | None = None,
    *,
    model: linen.Module | None = None,
    trainer_class: type[Trainer] | None = None,
    mesh: Any = None,
    layout: Any = None,
    offload: object = None,
    **parts: Any,
) -> tuple[Trainer, TrainState]:
    """A trainer and the state of its run, from what `trainer.save` or real Keras's `model.save` wrote.

    Args:
        directory: the directory, or a `.keras` file or HDF5 file (Keras 1 to 3) of a compiled model.
        custom_objects: the user's own classes and functions by name, subclasses of `Trainer` and `TrainState` included.
        model: the model, when it was a plain Linen module, or has a part without a config.
        trainer_class: the subclass of `Trainer` that the run was saved by; as in `custom_objects`.
        mesh, layout, offload: where the run goes on, as for `trainer.distribute`; on one device where none is given.
            Each part of an array is read where it will lie, whatever devices it was saved from.
        **parts: `optimizer`, `loss`, `metrics`, … or fields of the trainer's own, in place of what was saved or could
            not be. An `optimizer` goes on with all of the saved state that fits it, a warning names the rest.

    Returns:
        `(trainer, state)`; the next step from there is the one the saved run would have made. Of a run whose optimizer
        could not be written (optax, a lambda as schedule) and was not handed here they evaluate and predict, and
        training raises.

    Raises:
        FileNotFoundError: nothing is there.
        TypeError: a part that the trainer does not have.
        ValueError: a part that must be given again, or arrays that do not fit; every mismatch is listed.

    >>> import fkeras as fk, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).compile("adam", "mse")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     trainer.save(f"{place}/run", trainer.init(0))
    ...     again, state = fk.load_trainer(f"{place}/run")
    >>> type(again.optimizer).__name__, int(state.step)
    ('Adam', 0)
    """
    path = pathlib.Path(to_read(directory, "fk.load_trainer", '"run"'))
    if parts.get("optimizer") is None:  # not handed
        parts.pop("optimizer", None)
    given = Given(parts, custom_objects, trainer_class)
    kind = kind_of(path)
    if kind:
        if model is not None:
            raise ValueError(
                explain("A Keras file holds its model.", received="model=...", write="fk.load_trainer(path)")
            )
        trainer, state = (load_hdf5_trainer if kind == HDF5 else load_keras_trainer)(directory, given)
        trainer = _distributed(trainer, mesh, layout, offload)
        state = state if trainer.distribution is None else trainer.distribution.put(state)
        warn_of_uncalled_hooks(trainer.model, "fk.load_trainer")
        return trainer, state
    checkpoint = last_of(directory)
    manifest = read_manifest(checkpoint, ("trainer",))
    cls = trainer_class_of(manifest.get("trainer_class"), given)
    with described(checkpoint):
        given = _with_stand_in(given, manifest.get("without_config", {}), path)
    if model is None:
        model = read_model(manifest, custom_objects)
    trainer = _distributed(_read_trainer(cls, model, checkpoint, manifest, given), mesh, layout, offload)
    return trainer, read_state(trainer, checkpoint, manifest, given)


def _distributed(trainer: Trainer, mesh: Any, layout: Any, offload: object) -> Trainer:
    """A trainer on the devices that were asked for, if any were; on one for the host's memory alone."""
    if mesh is None and layout is None and not offload:
        return trainer
    alone = mesh is None and layout is None
    return trainer.distribute(1 if alone else mesh, "data" if layout is None else layout, offload)


def _read_trainer(
    cls: type[Trainer], model: linen.Module, checkpoint: pathlib.Path, manifest: Manifest, given: Given
) -> Trainer:
    with described(checkpoint):
        arrays = read_arrays(checkpoint, manifest, paths_below(manifest, f"{BESIDE}/{_FIELDS}/"))
        beside = {path.rpartition("/")[2]: array for path, array in arrays.items()}
        return compiled(cls, model, manifest["compile_config"], manifest.get("fields") or {}, given, beside)


def _with_stand_in(given: Given, lost: Mapping[str, str], path: FilePath) -> Given:
    """What was given, with a stand-in for an optimizer that was not written; every other missing part is an error."""
    needed = [part for part in lost if part not in (*given.parts, "model", "optimizer")]
    if needed:
        raise ValueError(
            explain(
                f"The run was saved with parts that have no config: {', '.join(needed)}.",
                received="; ".join(f"{p}: {lost[p]}" for p in needed),
                usually="a lambda, or an object of a class without get_config, which fkeras does not write as code.",
                write=f"fk.load_trainer(path, {', '.join(f'{p}=...' for p in needed)})",
            )
        )
    if "optimizer" not in lost or "optimizer" in given.parts:
        return given
    stand_in = MissingOptimizer(str(lost["optimizer"]), str(path))
    return dataclasses.replace(given, parts={**given.parts, "optimizer": stand_in})
