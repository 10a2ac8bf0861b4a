"""A trainer and its state as a `.keras` file: what real Keras goes on training from, and what it left off with.

Weights, compile config and optimizer variables are Keras's. What Keras does not keep, the random key and the example
input, is in `metadata.json` under "fkeras", where Keras does not look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import explain
from ..train import Trainer, TrainState
from . import _directory
from ._compile_config import as_example, compiled, trainer_manifest
from ._damage import described
from ._keras_archive import METADATA, Archive
from ._keras_h5 import WeightsFile
from ._keras_layout import weight_order
from ._keras_models import build_model, fill, open_weights, read_config, refuse_code, save_keras_model
from ._keras_optimizers import check_whole_step, derived, optimizer_places, to_keras
from ._report import compare


def save_keras_trainer(trainer: Trainer, filepath: Any, state: TrainState, overwrite: bool = True) -> None:
    """Write a `.keras` file from which real Keras, and `fk.load_trainer`, go on training.

    Args:
        trainer: the trainer; every part of it must have a config.
        filepath: the file to make.
        state: the state.
        overwrite: whether a file that is already there may be replaced.

    Raises:
        ValueError: a part without a config, or an optimizer or a moment of it that Keras's files cannot hold.
        FileExistsError: something is there and `overwrite` is false.
    """
    manifest = trainer_manifest(trainer, state)
    if manifest["without_config"] or manifest["model"] is None:
        lost = manifest["without_config"] or {"model": "a plain Linen module has no config"}
        raise ValueError(
            explain(
                f"A Keras file cannot hold this trainer's {', '.join(lost)}.",
                received="; ".join(f"{part}: {why}" for part, why in lost.items()),
                usually="an optax transformation, a lambda or a module, which fkeras does not write as code.",
                write='trainer.save("run", state)   # an Orbax directory',
            )
        )
    args = () if manifest["example"] is None else (as_example(manifest["example"]),)
    opt_state = _directory.flatten(state.opt_state)
    places = optimizer_places(trainer.optimizer, opt_state, _moving(trainer, state.variables, opt_state, args))
    check_whole_step(trainer.optimizer, state.step)
    mine = {
        "step": int(state.step),
        "key": [str(state.rng_impl), np.asarray(state.rng_data).tolist()],
        "example": manifest["example"],
        "trainer_class": manifest["trainer_class"],
    }
    names = {at.rpartition("/vars/")[0]: at.rpartition("/vars/")[0].rpartition("/")[2] for at in places}
    save_keras_model(
        trainer.model,
        filepath,
        state.variables,
        overwrite,
        compile_config=manifest["compile_config"],
        beside=((at, to_keras(slot, opt_state)) for at, slot in places.items()),
        beside_names=names,
        metadata={"fkeras": mine},
        args=args,
    )


def load_keras_trainer(
    filepath: Any, custom_objects: Mapping[str, Any] | None, parts: Mapping[str, Any]
) -> tuple[Trainer, TrainState]:
    """A trainer and its state from a `.keras` file that real Keras or fkeras wrote.

    Args:
        filepath: the file.
        custom_objects: the user's own classes and functions by name.
        parts: `optimizer`, `loss`, … in place of what the file says.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, a model that was never compiled, an unknown class, or arrays that do not fit.
    """
    with Archive(filepath) as archive:
        config = read_config(archive)
        told = config.get("compile_config") or {}
        if not told and "optimizer" not in parts:
            raise ValueError(
                explain(
                    f"The model in {str(archive.path)!r} was never compiled.",
                    usually="it was saved by model.save, or before compile.",
                    write='fk.load_trainer(path, optimizer="adam", loss="mse"), or fk.load_model(path)',
                )
            )
        refuse_code({k: v for k, v in told.items() if k not in parts}, archive.path)
        model, spec, args = build_model(config, archive, custom_objects)
        if spec is None:
            raise archive.damaged("a model without weights, as it was never built")
        with described(archive.path):
            mine = _mine(archive)
            trainer = compiled(model, told, custom_objects, mine.get("trainer_class"), parts)
        with open_weights(archive) as weights:
            variables, _ = fill(model, spec, args, weights)
            example = as_example(mine.get("example")) if mine.get("example") is not None else (args or (None,))[0]
            state = _state(trainer, variables, example, None if "optimizer" in parts else weights, args)
            return trainer, _with_run(state, mine)


def _mine(archive: Archive) -> Mapping[str, Any]:
    """What fkeras kept beside Keras's part of a file; nothing in Keras's own files."""
    found = archive.json(METADATA).get("fkeras") if METADATA in archive.names else None
    return found if isinstance(found, Mapping) else {}


def _with_run(state: TrainState, mine: Mapping[str, Any]) -> TrainState:
    """The state with the key and step of the run, where fkeras kept them."""
    if "key" not in mine:
        return state
    impl, data = mine["key"]
    key = jax.random.wrap_key_data(jnp.asarray(data, jnp.uint32), impl=impl)
    return state.replace(rng=key, step=jnp.asarray(mine["step"], jnp.int32))


def _moving(trainer: Trainer, variables: Any, opt_state: Any, args: tuple[Any, ...]) -> list[str]:
    """The paths of the weights that train, in Keras's order."""
    moving, _ = trainer.partition(*args).split(variables["params"])
    paths = _directory.flatten(moving)
    order = [p.removeprefix("params/") for p in weight_order(trainer.model, variables, args) if p.startswith("params/")]
    return [p for p in order if p in paths]


def _state(
    trainer: Trainer, variables: Any, example: Any, weights: WeightsFile | None, args: tuple[Any, ...]
) -> TrainState:
    """A state with these variables, and the optimizer's from a file; a run that never began has none to read.

    What is read takes the place of what `trainer.init` would make, so that never both are in memory.
    """

    def fresh(variables: Any) -> TrainState:
        return trainer.init(0, example, variables=variables)

    like = jax.eval_shape(fresh, variables)
    read = None if weights is None else _read_optimizer(trainer, variables, like.opt_state, weights, args)
    if read is None:
        return fresh(variables)

    def rest(variables: Any) -> tuple[TrainState, dict[str, Any]]:
        state = fresh(variables)
        made = _directory.flatten(state.opt_state)
        made = {path: leaf for path, leaf in made.items() if path not in read}
        return state.replace(params={}, model_state={}, opt_state=()), made

    state, made = jax.jit(rest)(variables)
    state = state.with_variables(variables)
    opt_state = _directory.unflatten(like.opt_state, {**made, **read})
    iterations = next(value for path, value in read.items() if path.endswith("iterations"))
    return state.replace(opt_state=opt_state, step=jnp.asarray(iterations, state.step.dtype))


def _read_optimizer(
    trainer: Trainer, variables: Any, like: Any, weights: WeightsFile, args: tuple[Any, ...]
) -> dict[str, Any] | None:
    """The optimizer's state of a file, by path; `None` if it has none."""
    mine = {path: spec for path, spec in weights.specs.items() if path.startswith("optimizer/")}
    expects = _directory.flatten(like)
    places = optimizer_places(trainer.optimizer, expects, _moving(trainer, variables, expects, args))
    begun = any(shape for shape, _ in mine.values()) or not any(slot.shape for slot in places.values())
    if not mine or not begun:
        return None
    expected = {at: (slot.shape, slot.dtype) for at, slot in places.items()}
    found = {at: (shape, _as(dtype, expected.get(at, (0, dtype))[1])) for at, (shape, dtype) in mine.items()}
    compare(expected, found).require(f"The optimizer's state in {weights.what}")
    weights.check_room(places)
    read: dict[str, Any] = {}
    for at, slot in places.items():
        if slot.path is not None:
            array = weights.read(at)
            read[slot.path] = jnp.asarray(array if slot.sign > 0 else -array, expects[slot.path].dtype)
    iterations = next(value for path, value in read.items() if path.endswith("iterations"))
    check_whole_step(trainer.optimizer, iterations)
    read.update(derived(trainer.optimizer, iterations))
    return read


def _as(found: str, wanted: str) -> str:
    """Keras counts in 32 or 64 bits, as its backend does."""
    return wanted if found.startswith("int") and wanted.startswith("int") else found
