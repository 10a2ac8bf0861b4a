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

from ...core import explain
from ...train import Trainer, TrainState
from ...train.optimizers import LossScaleOptimizer, Optimizer
from .._files._read_errors import described
from .._files._report import compare
from .._files._warnings import warn
from .._orbax import _directory
from .._orbax._manifest import read_as
from .._orbax._manifest_fields import METADATA as METADATA_FIELDS
from .._training._compile_config import (
    Given,
    as_example,
    compiled,
    saved_optimizer,
    trainer_class_of,
    trainer_manifest,
    warn_of_rate,
)
from .._training._optimizer_states import carry_over, warn_of
from ._archive import METADATA, Archive
from ._h5 import WeightsFile, as_kept
from ._layout import weight_order
from ._models import build_model, fill, open_weights, read_config, refuse_code, save_keras_model
from ._optimizers import check_whole_step, derived, optimizer_places, to_keras


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
    _refuse_own_state(state)
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
        "fields": manifest["fields"],
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


def _refuse_own_state(state: TrainState) -> None:
    if type(state) is not TrainState:
        name, own = type(state).__name__, state.own_fields()
        raise ValueError(
            explain(
                f"A Keras file cannot hold a {name}.",
                received=f"a state of a class of your own, with the fields {', '.join(own) or 'of TrainState'}",
                write='trainer.save("run", state)   # an Orbax directory',
            )
        )


def load_keras_trainer(filepath: Any, given: Given) -> tuple[Trainer, TrainState]:
    """A trainer and its state from a `.keras` file that real Keras or fkeras wrote.

    Args:
        filepath: the file.
        given: the user's own classes and functions, and `optimizer`, `loss`, … in place of what the file says.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, a model that was never compiled, an unknown class, or arrays that do not fit.
    """
    with Archive(filepath) as archive:
        config = read_config(archive)
        told = config.get("compile_config") or {}
        if not isinstance(told, Mapping):
            raise archive.damaged(f"a compile config that is no mapping: {str(told)[:80]}")
        if not told and "optimizer" not in given.parts:
            raise ValueError(
                explain(
                    f"The model in {str(archive.path)!r} was never compiled.",
                    usually="it was saved by model.save, or before compile.",
                    write='fk.load_trainer(path, optimizer="adam", loss="mse"), or fk.load_model(path)',
                )
            )
        mine = _mine(archive)
        cls = trainer_class_of(mine, given)
        refuse_code({k: v for k, v in told.items() if k not in given.parts}, archive.path)
        model, spec, args = build_model(config, archive, given.custom_objects)
        if spec is None:
            raise archive.damaged("a model without weights, as it was never built")
        with described(archive.path):
            named = {k: v for k, v in told.items() if k != "optimizer" or v is not None}
            trainer = compiled(cls, model, {**mine, "compile_config": named}, given)
        with described(archive.path), open_weights(archive) as weights:
            variables, _ = fill(model, spec, args, weights)
            example = as_example(mine.get("example")) if mine.get("example") is not None else (args or (None,))[0]
            handed = "optimizer" in given.parts
            saved = saved_optimizer(told, given.custom_objects) if handed else None
            readers = _readers(trainer, saved, handed, "optimizer" in named)
            state = _state(trainer, variables, example, weights, args, readers, bool(told))
            state = _with_run(state, mine)
        if handed:
            warn_of_rate(trainer, state, saved)
        return trainer, state


def _readers(trainer: Trainer, saved: Any, handed: bool, named: bool) -> list[Any]:
    """The optimizers of which the file's variables may be, the likeliest first; none where nobody says.

    Keras numbers the variables, so only an optimizer tells what each of them is.
    """
    if not handed:
        return [trainer.optimizer] if named else []
    if saved is not None:
        return [saved]
    # where the file names none: the one that was handed, with the rate as a number or on a schedule, scaled or not
    bare = getattr(trainer.optimizer, "optimizer", trainer.optimizer)  # what accumulate wraps
    bare = getattr(bare, "inner_optimizer", bare)
    bare = getattr(bare, "optimizer", bare)
    if not _has_rate(bare):
        return []
    variants = [bare, *(bare.replace(learning_rate=rate) for rate in (1e-3, _constant))]
    return [*variants, *map(LossScaleOptimizer, variants)]


def _has_rate(optimizer: Any) -> bool:
    return isinstance(optimizer, Optimizer) and "learning_rate" in type(optimizer)._own


def _constant(step: Any) -> Any:
    return jnp.float32(1e-3)


def _mine(archive: Archive) -> Mapping[str, Any]:
    """What fkeras kept beside Keras's part of a file; nothing in Keras's own files."""
    said = archive.json(METADATA) if METADATA in archive.names else {}
    read_as(said, METADATA_FIELDS, f"{METADATA} in {str(archive.path)!r}")
    return said.get("fkeras", {})


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
    trainer: Trainer,
    variables: Any,
    example: Any,
    weights: WeightsFile,
    args: tuple[Any, ...],
    readers: list[Any],
    was_compiled: bool,
) -> TrainState:
    """A state with these variables, and the optimizer's from a file; a run that never began has none to read.

    What is read takes the place of what `trainer.init` would make, so that never both are in memory.
    """

    def fresh(variables: Any) -> TrainState:
        return trainer.init(0, example, variables=variables)

    like = jax.eval_shape(fresh, variables)
    found = _read_optimizer(trainer, variables, weights, args, readers, was_compiled)
    if found is None:
        return fresh(variables)
    before, read = found
    names = _directory.spec_of(variables["params"])
    carried = carry_over(like.opt_state, _directory.spec_of(before), before, names)
    warn_of(carried, names, weights.what)

    def rest(variables: Any) -> tuple[TrainState, dict[str, Any]]:
        state = fresh(variables)
        made = _directory.flatten(state.opt_state)
        made = {path: leaf for path, leaf in made.items() if path not in carried.source}
        return state.replace(params={}, model_state={}, opt_state=()), made

    state, made = jax.jit(rest)(variables)
    state = state.with_variables(variables)
    taken = {path: read[source] for path, source in carried.source.items()}
    opt_state = _directory.unflatten(like.opt_state, {**made, **taken})
    return state.replace(opt_state=opt_state, step=jnp.asarray(_iterations(read), state.step.dtype))


def _read_optimizer(
    trainer: Trainer,
    variables: Any,
    weights: WeightsFile,
    args: tuple[Any, ...],
    readers: list[Any],
    was_compiled: bool,
) -> tuple[Any, dict[str, Any]] | None:
    """The optimizer's state of a file: as shapes, and its arrays by path; `None` if it has none that could be read.

    Raises:
        ValueError: the optimizer that the file names has other variables.
    """
    mine = {path: spec for path, spec in weights.specs.items() if path.startswith("optimizer/")}
    moving, _ = trainer.partition(*args).split(variables["params"])
    fault: ValueError | None = None
    for reader in readers if mine else ():
        like = jax.eval_shape(reader.init, moving)
        try:
            read = _read(reader, _directory.flatten(like), weights, mine, _moving(trainer, variables, like, args))
        except ValueError as error:
            fault = fault or error
            continue
        return None if read is None else (like, read)
    if fault is not None and len(readers) == 1:
        raise fault
    if mine or was_compiled:
        _warn_unread(weights, mine, fault)
    return None


def _warn_unread(weights: WeightsFile, mine: Mapping[str, Any], fault: ValueError | None) -> None:
    why = "the file names no optimizer, and only one tells what they are" if fault is None else str(fault)
    warn(
        explain(
            f"The optimizer begins anew, as {weights.what!r} "
            + (
                f"has {len(mine)} variables of an optimizer that are not taken."
                if mine
                else "has none of its variables."
            ),
            received=why if mine else "moments and a count of steps that are not in the file",
            usually="the file was written by another program, or edited.",
            write="fk.load_trainer(path, optimizer=...)   # the one that the run was saved with" if mine else "",
        ),
    )


def _read(
    optimizer: Any, expects: Mapping[str, Any], weights: WeightsFile, mine: Mapping[str, Any], moving: list[str]
) -> dict[str, Any] | None:
    """An optimizer's variables by the path in its state; `None` of a run that never began."""
    places = optimizer_places(optimizer, expects, moving)
    counts = [at for at, slot in places.items() if slot.path is not None and slot.path.endswith("iterations")]
    bare = not any(shape for shape, _ in mine.values()) and any(slot.shape for slot in places.values())
    if bare and counts[0] in mine and mine[counts[0]][0] == () and not int(weights.read(counts[0])):
        return None
    expected = {at: (slot.shape, slot.dtype) for at, slot in places.items()}
    found = {at: (shape, _as(dtype, expected.get(at, (0, dtype))[1])) for at, (shape, dtype) in mine.items()}
    compare(expected, found).require(f"The optimizer's state in {weights.what}")
    weights.check_room(places)
    read: dict[str, Any] = {}
    for at, slot in places.items():
        if slot.path is not None:
            array = weights.read(at)
            read[slot.path] = as_kept(at, array if slot.sign > 0 else -array, expects[slot.path].dtype)
    check_whole_step(optimizer, _iterations(read))
    read.update(derived(optimizer, _iterations(read)))
    return read


def _iterations(read: Mapping[str, Any]) -> Any:
    return next(value for path, value in read.items() if path.endswith("iterations"))


def _as(found: str, wanted: str) -> str:
    """Keras counts in 32 or 64 bits, as its backend does."""
    return wanted if found.startswith("int") and wanted.startswith("int") else found
