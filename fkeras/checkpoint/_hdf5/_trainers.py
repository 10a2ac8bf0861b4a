"""A trainer and its state from a whole-model HDF5 file of Keras 1 to 3."""

from __future__ import annotations

import re

from ...core import Layer, described, explain, walk
from ...core.typing import JSON, Config, FilePath
from ...train import Trainer, TrainState
from .._files._warnings import warn
from .._keras._model_config import refuse_code
from .._keras._old_optimizer import is_new, old_optimizer, output_names
from .._keras._optimizer_state import optimizers_to_read, read_state
from .._training._learning_rate import warn_of_rate
from .._training._old_compile_config import in_keras_3_compile
from .._training._trainer_from_config import Given, compiled, saved_optimizer, trainer_class_of
from ._layers_in_file import arrays_in_group
from ._models import build, opened, record_of, variables_in
from ._old_file import OldFile

_GROUP = "optimizer_weights"
# Optimizers of which Keras before 2.11 had epsilon outside of the square root.
_EPSILON_OUTSIDE = ("RMSprop", "Adagrad", "Adadelta")


def load_hdf5_trainer(filepath: FilePath, given: Given) -> tuple[Trainer, TrainState]:
    """A trainer and its state from a whole-model HDF5 file.

    Args:
        filepath: the file.
        given: the user's own classes and functions, and `optimizer`, `loss`, … in place of what the file says.

    Returns:
        `(trainer, state)`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, a model that was never compiled, an unknown class, or arrays that do not fit.
    """
    with opened(filepath) as file:
        said = file.json("training_config")
        cls = trainer_class_of(None, given)
        refuse_code(
            {k: v for k, v in said.items() if k not in given.parts} if isinstance(said, dict) else said, filepath
        )
        record = record_of(file, given.custom_objects)
        config = _compile_config(file, said, record, given)
        model, spec, args = build(record, file, given.custom_objects)
        named = {k: v for k, v in config.items() if k != "optimizer" or v is not None}
        with described(file.label):
            trainer = compiled(cls, model, named, {}, given)
        handed = "optimizer" in given.parts
        saved = saved_optimizer(config, given.custom_objects) if handed else None
        with described(file.label):
            variables = variables_in(file, model, spec, args, record)
            readers = optimizers_to_read(trainer, saved, handed, "optimizer" in named)
            arrays = arrays_in_group(file, _GROUP) if file.has(_GROUP) else []
            readers, weights = old_optimizer(file, arrays, said, trainer, model, variables, args, record, readers)
            example = (args or (None,))[0]
            state = read_state(trainer, variables, example, weights, args, readers, was_compiled=False)
        if not handed:
            _warn_of_other_steps(trainer, said, file)
        if handed:
            warn_of_rate(trainer, state, saved)
        return trainer, state


def _warn_of_other_steps(trainer: Trainer, said: JSON, file: OldFile) -> None:
    """Warn of what trains on by other steps than it would have where the file was saved."""
    optimizer, version = type(trainer.optimizer).__name__, file.text("", "keras_version") or "1"
    if said and not is_new(said) and optimizer in _EPSILON_OUTSIDE:
        warn(
            explain(
                f"{optimizer} goes on with Keras 3's steps, which differ where gradients are small.",
                received=f"{file.label!r}, whose optimizer is of Keras before 2.11",
                usually="epsilon stood beside the square root of the mean square, and stands under it since.",
                write="trainer.fit(...)   # or fk.load_trainer(path, optimizer=...) with an optimizer of your own",
            )
        )
    number = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    model = trainer.model
    normalized = isinstance(model, Layer) and any(type(sub).__name__ == "BatchNormalization" for _, sub in walk(model))
    if normalized and number < (2, 4) and not version.endswith("-tf"):
        warn(
            explain(
                "The moving averages of BatchNormalization go on by Keras 3's steps, which are smaller.",
                received=f"{file.label!r} of Keras {version[:20]}",
                usually="Keras before 2.4 corrected the first of them for their start (zero_debias of TensorFlow 1), "
                "and the variance of n numbers by n / (n - 1). Predictions are the same.",
            )
        )


def _compile_config(file: OldFile, said: JSON, record: Config, given: Given) -> Config:
    """The training config of a file in Keras 3's form; empty of a model that was never compiled.

    Raises:
        ValueError: it is none, or the model was never compiled and no optimizer was handed.
    """
    if said is not None and not isinstance(said, dict):
        raise ValueError(
            explain(
                f"The training config in {file.label!r} is no mapping.",
                received=str(said)[:80],
                usually="a damaged file.",
            )
        )
    if not said and "optimizer" not in given.parts:
        raise ValueError(
            explain(
                f"The model in {file.label!r} was never compiled.",
                usually="it was saved before compile.",
                write='fk.load_trainer(path, optimizer="adam", loss="mse"), or fk.load_model(path)',
            )
        )
    with described(file.label):
        return in_keras_3_compile(said or {}, output_names(record), given.custom_objects or ())
