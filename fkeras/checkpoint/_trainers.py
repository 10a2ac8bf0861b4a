"""Saving and loading a whole run: model, compile config and state."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from ..core import NAMED_CONTAINERS, Layer, as_path, check_named, explain, to_read
from ..train import Trainer, TrainState
from ._files._read_errors import described
from ._files._readable import check_config
from ._files._report import compare
from ._files._warnings import warn
from ._keras._trainers import load_keras_trainer, save_keras_trainer
from ._models import read_model
from ._orbax import _directory
from ._training._compile_config import (
    KERAS_ARGUMENTS,
    Given,
    as_example,
    compiled,
    saved_optimizer,
    trainer_class_of,
    trainer_manifest,
    warn_of_rate,
)
from ._training._missing_optimizer import MissingOptimizer
from ._training._optimizer_states import Carried, carry_over, warn_of
from ._training._own_states import as_saved, shape_of, state_manifest

# Under this name a run keeps arrays that are not the state's; those of the trainer's own fields,
BESIDE = "beside"
_FIELDS = "fields"
# Arguments that say which sums a run keeps of an epoch.
_MEASURES = {"loss", "metrics", "weighted_metrics"}


def save_trainer(trainer: Trainer, directory: Any, state: TrainState, overwrite: bool = True) -> None:
    """Save a trainer and the state of its run: in a `.keras` file by that suffix, else in an Orbax directory.

    A directory keeps the whole state. A `.keras` file keeps what Keras's has: model, compile config, weights and the
    optimizer's variables (and the random key, for fkeras); real Keras opens it and goes on training.

    Args:
        trainer: the trainer, with every argument of `compile` and every field of a subclass. Parts without a config
            (an optax chain, a lambda) are noted in a directory, and given again to `fk.load_trainer`; a `.keras` file
            cannot do without them.
        directory: the directory or file to make.
        state: the state.
        overwrite: whether a checkpoint that is already there may be replaced.

    Raises:
        TypeError: something else than a `TrainState`.
        ValueError: what a `.keras` file cannot hold.
        FileExistsError: something else is at `directory`, or `overwrite` is false.
    """
    if not isinstance(state, TrainState):
        raise TypeError(
            explain(
                "`trainer.save` needs the state of the run.",
                received=type(state).__name__,
                usually="variables were passed, or the arguments are in another order.",
                write='trainer.save("run", state)',
            )
        )
    directory = as_path(directory, "trainer.save", '"run"')
    if pathlib.Path(directory).suffix == ".keras":
        save_keras_trainer(trainer, directory, state, overwrite)
        return
    fields: dict[str, Any] = {}
    manifest = {**trainer_manifest(trainer, state, fields), **state_manifest(state)}
    check_config(manifest["model"], f"{directory!r}")
    _warn_of_fields(manifest["without_config"])
    if getattr(trainer.model, "graph", None) is None and manifest["example"] is None:
        check_named(state.variables, "state = trainer.init(0, x, variables=variables)   # x: one batch")
    beside = {BESIDE: {_FIELDS: fields}} if fields else {}
    _directory.write(directory, manifest, {**state.tree(), **beside}, overwrite)


def _warn_of_fields(lost: Mapping[str, str]) -> None:
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
    directory: Any,
    custom_objects: Mapping[str, Any] | None = None,
    *,
    model: Any = None,
    trainer_class: type[Trainer] | None = None,
    **parts: Any,
) -> tuple[Trainer, TrainState]:
    """A trainer and the state of its run, from what `trainer.save` or real Keras's `model.save` wrote.

    Args:
        directory: the directory, or a `.keras` file of a compiled model.
        custom_objects: the user's own classes and functions by name, subclasses of `Trainer` and `TrainState` included.
        model: the model, when it was a plain Linen module.
        trainer_class: the subclass of `Trainer` that the run was saved by; as in `custom_objects`.
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
    if path.suffix == ".keras" or (path / "config.json").is_file():
        if model is not None:
            raise ValueError(
                explain("A Keras file holds its model.", received="model=...", write="fk.load_trainer(path)")
            )
        return load_keras_trainer(directory, given)
    directory = _directory.last_of(directory)
    manifest = _directory.read_manifest(directory, ("trainer",))
    cls = trainer_class_of(manifest, given)
    with described(directory):
        given = _with_stand_in(given, manifest.get("without_config", {}), path)
    if model is None:
        model = read_model(manifest, custom_objects)
    with described(directory):
        fields = _directory.read_arrays(directory, manifest, _paths_below(manifest, f"{BESIDE}/{_FIELDS}/"))
        named = {p.rpartition("/")[2]: array for p, array in fields.items()}
        trainer = compiled(cls, model, manifest, given, named)
    return trainer, _read_state(trainer, directory, manifest, given)


def _with_stand_in(given: Given, lost: Mapping[str, str], path: Any) -> Given:
    """With something in the place of an optimizer that was not written; other parts must be there."""
    needed = [part for part in lost if part not in given.parts and part != "optimizer"]
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


def _read_state(trainer: Trainer, directory: Any, manifest: Mapping[str, Any], given: Given) -> TrainState:
    """The saved state; of the parts that were handed with the trainer, what fits."""
    like = _abstract_state(trainer, manifest)
    with described(directory):
        like = as_saved(like, manifest, given.custom_objects)
    if isinstance(trainer.optimizer, MissingOptimizer):
        names = _paths_below(manifest, "opt_state/")
        like = like.replace(opt_state=_directory.nest({n[10:]: shape_of(manifest["arrays"][n]) for n in names}))
    tree = jax.eval_shape(TrainState.tree, like)
    expected, found = _directory.spec_of(tree, _directory.naming(manifest)), state_specs(manifest)
    source = {path: path for path in expected}
    anew = _measured_anew(expected, found, given)
    handed = "optimizer" in given.parts and not isinstance(trainer.optimizer, MissingOptimizer)
    loose = (*(("opt_state/",) if handed else ()), *(("metrics/",) if anew else ()))
    strict = [{p: s for p, s in part.items() if not p.startswith(loose)} for part in (expected, found)]
    compare(*strict).require(f"{directory}")
    saved = saved_optimizer(manifest["compile_config"], given.custom_objects) if handed else None
    if handed:
        carried = _carried(trainer, like, found, saved, manifest)
        warn_of(carried, _directory.spec_of(like.params), directory)
        source = {p: s for p, s in source.items() if not p.startswith("opt_state/")}
        source |= {f"opt_state/{p}": f"opt_state/{s}" for p, s in carried.source.items()}
        anew |= {p for p in expected if p not in source}
    source = {p: s for p, s in source.items() if p not in anew}
    read = _directory.read_arrays(directory, manifest, set(source.values()))
    arrays = {p: read[s] for p, s in source.items()}
    if anew:
        arrays |= {p: a for p, a in _fresh(trainer, like, arrays, manifest).items() if p in anew}
    records = {p: manifest["arrays"].get(source.get(p, p), {}) for p in expected}
    state = like.filled(_directory.unflatten(tree, arrays, {**manifest, "arrays": records}))
    if handed:
        warn_of_rate(trainer, state, saved)
    return state


def _paths_below(manifest: Mapping[str, Any], prefix: str) -> set[str]:
    return {path for path in manifest["arrays"] if path.startswith(prefix)}


def _measured_anew(expected: Any, found: Any, given: Given) -> set[str]:
    """The sums of the epoch so far, where what is measured was handed and is something else."""
    mine, its = ({p: s for p, s in part.items() if p.startswith("metrics/")} for part in (expected, found))
    return set(mine) if _MEASURES & set(given.parts) and mine != its else set()


def _carried(trainer: Trainer, like: TrainState, found: Any, saved: Any, manifest: Mapping[str, Any]) -> Carried:
    """What the optimizer that was handed takes of the saved state."""
    before = None if saved is None else _abstract_state(trainer.replace(optimizer=saved), manifest).opt_state
    its = {p.removeprefix("opt_state/"): s for p, s in found.items() if p.startswith("opt_state/")}
    return carry_over(like.opt_state, its, before, _directory.spec_of(like.params))


def _fresh(trainer: Trainer, like: TrainState, arrays: Any, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of a state that begins with the saved weights."""
    kept = {"params": like.params, "model_state": like.model_state}
    kept = _directory.unflatten(kept, arrays, manifest)
    variables = {"params": kept["params"], **kept["model_state"]}
    state = trainer.init(0, as_example(manifest.get("example")), variables=variables)
    return _directory.flatten(TrainState.tree(state))


def state_specs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the state's arrays."""
    return {p: s for p, s in _directory.specs(manifest).items() if not p.startswith(f"{BESIDE}/")}


def _abstract_state(trainer: Trainer, manifest: Mapping[str, Any]) -> TrainState:
    """The shapes of the state that this trainer would make, with the file's weights where only it knows them."""
    example = as_example(manifest.get("example"))
    key = jax.eval_shape(lambda: jax.random.key(0))
    graph = getattr(trainer.model, "graph", None)
    named = all(kind in NAMED_CONTAINERS for kind in _directory.kinds_in(manifest).values())
    known = isinstance(trainer.model, Layer) or not named
    if (graph is not None and not graph.needs) or (example is not None and known):
        return jax.eval_shape(lambda k: trainer.init(k, example), key)
    specs = {at: jax.ShapeDtypeStruct(*spec) for at, spec in _directory.specs(manifest).items()}
    places = {at.removeprefix("model_state/"): at for at in specs if at.startswith(("params/", "model_state/"))}
    variables = _directory.rebuilt(specs, places, manifest)
    return jax.eval_shape(lambda k, v: trainer.init(k, example, variables=v), key, {"params": {}, **variables})
