"""Saving and loading a whole run: model, compile config and state."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from ..core import Layer, as_path, explain, to_read
from ..train import Trainer, TrainState
from . import _directory
from ._compile_config import as_example, compiled, trainer_manifest
from ._damage import described
from ._keras_trainers import load_keras_trainer, save_keras_trainer
from ._models import read_model
from ._report import compare

# Under this name a run keeps arrays that are not the state's.
BESIDE = "beside"


def save_trainer(trainer: Trainer, directory: Any, state: TrainState, overwrite: bool = True) -> None:
    """Save a trainer and the state of its run: in a `.keras` file by that suffix, else in an Orbax directory.

    A directory keeps the whole state. A `.keras` file keeps what Keras's has: model, compile config, weights and the
    optimizer's variables (and the random key, for fkeras); real Keras opens it and goes on training.

    Args:
        trainer: the trainer. Parts without a config (an optax chain, a lambda) are noted in a directory, and given
            again to `fk.load_trainer`; a `.keras` file cannot do without them.
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
    _directory.write(directory, trainer_manifest(trainer, state), state.tree(), overwrite)


def load_trainer(
    directory: Any, custom_objects: Mapping[str, Any] | None = None, *, model: Any = None, **parts: Any
) -> tuple[Trainer, TrainState]:
    """A trainer and the state of its run, from what `trainer.save` or real Keras's `model.save` wrote.

    Args:
        directory: the directory, or a `.keras` file of a compiled model.
        custom_objects: the user's own classes and functions by name, a `Trainer` subclass included.
        model: the model, when it was a plain Linen module.
        **parts: `optimizer`, `loss`, `metrics`, … for those that had no config.

    Returns:
        `(trainer, state)`; the next step from there is the one the saved run would have made.

    Raises:
        FileNotFoundError: nothing is there.
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
    if path.suffix == ".keras" or (path / "config.json").is_file():
        return load_keras_trainer(directory, custom_objects, parts)
    directory = _directory.last_of(directory)
    manifest = _directory.read_manifest(directory, ("trainer",))
    needed = [part for part in manifest.get("without_config", {}) if part not in parts]
    if needed:
        raise ValueError(
            explain(
                f"The run was saved with parts that have no config: {', '.join(needed)}.",
                received="; ".join(f"{p}: {manifest['without_config'][p]}" for p in needed),
                usually="an optax transformation or a lambda, which fkeras does not write as code.",
                write=f"fk.load_trainer(path, {', '.join(f'{p}=...' for p in needed)})",
            )
        )
    if model is None:
        model = read_model(manifest, custom_objects)
    with described(directory):
        trainer = compiled(model, manifest["compile_config"], custom_objects, manifest.get("trainer_class"), parts)
    abstract = _abstract_state(trainer, manifest)
    like = jax.eval_shape(TrainState.tree, abstract)
    compare(_directory.spec_of(like), state_specs(manifest)).require(f"{directory}")
    arrays = _directory.read_arrays(directory, manifest)
    return trainer, TrainState.of(_directory.unflatten(like, arrays, manifest), abstract.example)


def state_specs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the state's arrays."""
    return {p: s for p, s in _directory.specs(manifest).items() if not p.startswith(f"{BESIDE}/")}


def _abstract_state(trainer: Trainer, manifest: Mapping[str, Any]) -> TrainState:
    """The shapes of the state that this trainer would make, with the file's weights where only it knows them."""
    example = as_example(manifest.get("example"))
    key = jax.eval_shape(lambda: jax.random.key(0))
    if isinstance(trainer.model, Layer) and (getattr(trainer.model, "graph", None) is not None or example is not None):
        return jax.eval_shape(lambda k: trainer.init(k, example), key)
    records = {p: s for p, s in _directory.specs(manifest).items() if p.startswith(("params/", "model_state/"))}
    variables = _directory.nest({p.removeprefix("model_state/"): jax.ShapeDtypeStruct(*s) for p, s in records.items()})
    return jax.eval_shape(lambda k, v: trainer.init(k, example, variables=v), key, {"params": {}, **variables})
