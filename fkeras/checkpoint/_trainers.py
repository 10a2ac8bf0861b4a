"""Saving and loading a whole run: model, compile config and state."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from ..core import Layer, deserialize, explain
from ..train import Trainer, TrainState
from . import _directory
from ._models import read_model
from ._report import compare

# Under this name a run keeps arrays that are not the state's.
BESIDE = "beside"

# What of a trainer may be something that has no config, and is then given again when loading.
_PARTS = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")


def save_trainer(trainer: Trainer, directory: Any, state: TrainState, overwrite: bool = True) -> None:
    """Save a trainer and the whole state of its run in an Orbax directory.

    Args:
        trainer: the trainer. Parts without a config (an optax chain, a lambda) are noted, and given again to
            `fk.load_trainer`.
        directory: the directory to make.
        state: the state.
        overwrite: whether a checkpoint that is already there may be replaced.

    Raises:
        TypeError: something else than a `TrainState`.
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
    _directory.write(directory, trainer_manifest(trainer), state, overwrite)


def trainer_manifest(trainer: Trainer) -> dict[str, Any]:
    """What a checkpoint says of a trainer: model and compile config."""
    config, lost = {}, {}
    for part in (*_PARTS, "run_eagerly", "steps_per_execution", "jit_compile"):
        try:
            config[part] = trainer.get_config_of(part)
        except (TypeError, ValueError) as error:
            lost[part] = str(error).splitlines()[0]
    model = json.loads(trainer.model.to_json()) if hasattr(trainer.model, "to_json") else None
    example = trainer.example_spec()
    return {
        "kind": "trainer",
        "model": model,
        "compile_config": config,
        "without_config": lost,
        "trainer_class": None if type(trainer) is Trainer else type(trainer).__name__,
        "example": example,
    }


def load_trainer(
    directory: Any, custom_objects: Mapping[str, Any] | None = None, *, model: Any = None, **parts: Any
) -> tuple[Trainer, TrainState]:
    """A trainer and the state of its run, from what `trainer.save` wrote.

    Args:
        directory: the directory.
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
    runs = _directory.numbered(pathlib.Path(os.path.abspath(os.fspath(directory))))
    directory = runs[-1] if runs else directory  # what `fit(checkpoint=...)` keeps: the last one
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
    config = {k: _restore(k, v, custom_objects) for k, v in manifest["compile_config"].items()}
    cls: Any = Trainer
    if manifest.get("trainer_class"):
        cls = (custom_objects or {}).get(manifest["trainer_class"])
        if cls is None:
            raise ValueError(
                explain(
                    f"The run was saved by {manifest['trainer_class']!r}, a Trainer class of your own.",
                    write=f"custom_objects={{{manifest['trainer_class']!r}: {manifest['trainer_class']}}}",
                )
            )
    trainer = cls(model, **{**config, **parts})
    like = _abstract_state(trainer, manifest)
    compare(_directory.spec_of(like), state_specs(manifest)).require(f"{directory}")
    return trainer, _directory.unflatten(like, _directory.read_arrays(directory, manifest), manifest)


def state_specs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the state's arrays."""
    return {p: s for p, s in _directory.specs(manifest).items() if not p.startswith(f"{BESIDE}/")}


def _restore(part: str, value: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """Objects in a part of the compile config; names stay names."""
    modules = {
        "optimizer": ("keras.optimizers", "keras.optimizers.schedules"),
        "loss": ("keras.losses",),
        "metrics": ("keras.metrics",),
        "weighted_metrics": ("keras.metrics",),
    }.get(part)
    if modules is None or value is None:
        return value
    if isinstance(value, Mapping) and "class_name" not in value:
        return {k: _restore(part, v, custom_objects) for k, v in value.items()}
    if isinstance(value, list):
        return [_restore(part, v, custom_objects) for v in value]
    return deserialize(value, custom_objects, modules) if isinstance(value, Mapping) else value


def _abstract_state(trainer: Trainer, manifest: Mapping[str, Any]) -> TrainState:
    """The shapes of the state that this trainer would make, with the file's weights where only it knows them."""
    example = _example(manifest.get("example"))
    key = jax.eval_shape(lambda: jax.random.key(0))
    if isinstance(trainer.model, Layer) and (getattr(trainer.model, "graph", None) is not None or example is not None):
        return jax.eval_shape(lambda k: trainer.init(k, example), key)
    records = {p: s for p, s in _directory.specs(manifest).items() if p.startswith(("params/", "model_state/"))}
    variables = _directory.nest({p.removeprefix("model_state/"): jax.ShapeDtypeStruct(*s) for p, s in records.items()})
    return jax.eval_shape(lambda k, v: trainer.init(k, example, variables=v), key, {"params": {}, **variables})


def _example(spec: Any) -> Any:
    """An example input from its record."""
    if spec is None:
        return None
    if isinstance(spec, Mapping) and set(spec) == {"shape", "dtype"}:
        return jax.ShapeDtypeStruct(tuple(spec["shape"]), spec["dtype"])
    if isinstance(spec, Mapping):
        return {k: _example(v) for k, v in spec.items()}
    return [_example(v) for v in spec]
