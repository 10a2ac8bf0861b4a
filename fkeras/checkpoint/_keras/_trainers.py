"""A trainer and its state as a `.keras` file, from which real Keras, and fkeras, continue training.

Weights, compile config and optimizer variables are Keras's. What Keras does not keep, the random key and the example
input, is in `metadata.json` under "fkeras", where Keras does not look.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ...core import Model, described, explain, flatten, in_keras_3_form, keras_version
from ...core.typing import Config, FilePath, PyTree
from ...train import Trainer, TrainState
from .._training._example_input import as_example, example_record
from .._training._learning_rate import warn_of_rate
from .._training._old_compile_config import in_keras_3_compile
from .._training._trainer_config import TrainerConfig, class_name, trainer_config
from .._training._trainer_from_config import Given, compiled, saved_optimizer, trainer_class_of
from ._archive import Archive
from ._h5 import WeightsFile
from ._keras_2_places import Keras2Weights
from ._model_config import build_model, read_config, refuse_code
from ._models import save_keras_model
from ._old_optimizer import old_optimizer, output_names
from ._open_weights import open_weights
from ._optimizer_arrays import ArrayInFile
from ._optimizer_state import optimizers_to_read, read_state, weights_that_train
from ._optimizers import Slot, check_whole_step, optimizer_places, to_keras
from ._run_notes import RunNotes, key_notes, read_run_notes, with_run
from ._weight_files import read_weights
from ._weights_source import WeightsSource
from ._written_out import unstacked, written_out


def save_keras_trainer(trainer: Trainer, filepath: FilePath, state: TrainState, overwrite: bool = True) -> None:
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
    trainer, state = _written_out(trainer, state)
    said, notes, places, opt_state, args = _to_write(trainer, state)
    names = {at.rpartition("/vars/")[0]: at.rpartition("/vars/")[0].rpartition("/")[2] for at in places}
    save_keras_model(
        trainer.model,
        filepath,
        state.variables,
        overwrite,
        compile_config=said.compile_config,
        beside=((at, to_keras(slot, opt_state)) for at, slot in places.items()),
        beside_names=names,
        metadata={"fkeras": notes},
        args=args,
    )


def check_keras_trainer(trainer: Trainer, state: TrainState) -> None:
    """Refuse what a `.keras` file cannot hold of a trainer and its state; nothing is written.

    Raises:
        ValueError: a part without a config, or an optimizer or a moment of it that Keras's files cannot hold.
    """
    _to_write(*_written_out(trainer, state))


def _written_out(trainer: Trainer, state: TrainState) -> tuple[Trainer, TrainState]:
    """A trainer and its state with the blocks of each `Repeat` one by one, as Keras has them."""
    model = trainer.model
    written = written_out(model) if isinstance(model, Model) else model
    if written is model:
        return trainer, state
    parts = {name: unstacked(model, getattr(state, name)) for name in ("params", "model_state", "opt_state")}
    return dataclasses.replace(trainer, model=written), state.replace(**parts)


def _to_write(
    trainer: Trainer, state: TrainState
) -> tuple[TrainerConfig, RunNotes, dict[str, Slot], dict[str, PyTree], tuple[PyTree, ...]]:
    """What a file gets: `(configs, notes, the optimizer's variables by place, its state by path, an example input)`."""
    _refuse_own_state(state)
    said = trainer_config(trainer)
    if said.without_config or not isinstance(trainer.model, Model):
        raise cannot_hold(said.without_config or {"model": "a plain Linen module has no config"})
    example = example_record(state.example)
    args = () if example is None else (as_example(example),)
    opt_state = flatten(state.opt_state)
    places = optimizer_places(trainer.optimizer, opt_state, weights_that_train(trainer, state.variables, args))
    check_whole_step(trainer.optimizer, state.step)
    notes: RunNotes = {
        "step": int(state.step),
        "key": key_notes(state),
        "example": example,
        "trainer_class": class_name(trainer),
        "fields": said.fields,
    }
    return said, notes, places, opt_state, args


def cannot_hold(parts: Mapping[str, str]) -> ValueError:
    """The error for parts of a trainer that a Keras file has no form of, each with the reason."""
    return ValueError(
        explain(
            f"A Keras file cannot hold this trainer's {', '.join(parts)}.",
            received="; ".join(f"{part}: {why}" for part, why in parts.items()),
            usually="an optax transformation, a lambda or a module, which fkeras does not write as code.",
            write='trainer.save("run", state)   # an Orbax directory',
        )
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


def load_keras_trainer(filepath: FilePath, given: Given) -> tuple[Trainer, TrainState]:
    """A trainer and its state from a `.keras` file that real Keras or fkeras wrote.

    Args:
        filepath: the file.
        given: the user's own classes and functions, and `optimizer`, `loss`, … in place of what the file says.

    Returns:
        `(trainer, state)`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, a model that was never compiled, an unknown class, or arrays that do not fit.
    """
    with Archive(filepath) as archive:
        config = read_config(archive)
        before = _compile_config(config, archive, given)
        is_old = keras_version(config) < 3
        config = in_keras_3_form(config, given.custom_objects or ()) if is_old else config
        said = in_keras_3_compile(before, output_names(config), given.custom_objects or ()) if is_old else before
        notes = read_run_notes(archive)
        cls = trainer_class_of(notes.get("trainer_class"), given)
        refuse_code({k: v for k, v in said.items() if k not in given.parts}, archive.path)
        model, spec, args = build_model(config, archive, given.custom_objects)
        if spec is None:
            raise archive.damaged("a model without weights, as it was never built")
        named = {k: v for k, v in said.items() if k != "optimizer" or v is not None}
        with described(archive.path):
            trainer = compiled(cls, model, named, notes.get("fields") or {}, given)
        handed = "optimizer" in given.parts
        saved = saved_optimizer(said, given.custom_objects) if handed else None
        with described(archive.path), open_weights(archive) as weights:
            variables, _ = read_weights(model, spec, args, weights)
            example = as_example(notes.get("example"))
            example = example if example is not None else (args or (None,))[0]
            readers = optimizers_to_read(trainer, saved, handed, "optimizer" in named)
            source: WeightsSource = weights
            if isinstance(weights, Keras2Weights):
                arrays = _numbered(weights)
                readers, source = old_optimizer(
                    weights, arrays, before, trainer, model, variables, args, config, readers
                )
            was_compiled = bool(said) and source is weights
            state = read_state(trainer, variables, example, source, args, readers, was_compiled)
            state = with_run(state, notes)
        if handed:
            warn_of_rate(trainer, state, saved)
        return trainer, state


def _numbered(weights: WeightsFile) -> list[ArrayInFile]:
    """The optimizer's arrays in the order of their numbers; Keras 2 has the count of its steps first."""
    found: list[ArrayInFile] = []
    while f"optimizer/vars/{len(found)}" in weights.specs:
        path = f"optimizer/vars/{len(found)}"
        found.append(ArrayInFile(path if found else "iteration", path, weights.specs[path]))
    return found


def _compile_config(config: Config, archive: Archive, given: Given) -> Config:
    """The compile config of a file's record; empty of a model that was never compiled, for which all is handed.

    Raises:
        ValueError: it is none, or the model was never compiled and no optimizer was handed.
    """
    said = config.get("compile_config") or {}
    if not isinstance(said, dict):
        raise archive.damaged(f"a compile config that is no mapping: {str(said)[:80]}")
    if not said and "optimizer" not in given.parts:
        raise ValueError(
            explain(
                f"The model in {str(archive.path)!r} was never compiled.",
                usually="it was saved by model.save, or before compile.",
                write='fk.load_trainer(path, optimizer="adam", loss="mse"), or fk.load_model(path)',
            )
        )
    return said
