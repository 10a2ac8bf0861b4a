"""Checks of a save that can be made before there is anything to save."""

from __future__ import annotations

import pathlib

from ..core import Model, check_room, explain
from ..core.typing import FilePath, PyTree
from ..train import Trainer, TrainState
from ._files._plain_weights import check_no_guests, check_plain_weights
from ._keras._h5py import h5py_module
from ._keras._layout import layout
from ._keras._trainers import check_keras_trainer
from ._keras._weight_files import call_arguments
from ._orbax._whole_directory import check_place
from ._safetensors._tensor_file import library
from ._training._trainer_config import trainer_manifest


def check_save(trainer: Trainer, state: TrainState, filepath: FilePath, kind: str, x: PyTree = None) -> None:
    """Refuse what saving a trainer, its model or its weights at a path would refuse; nothing is written.

    Args:
        trainer: the trainer.
        state: a state of it.
        filepath: the file or directory to make.
        kind: `"model"`, `"weights"` or `"trainer"`.
        x: an example input, for a Keras file of a model without a graph.

    Raises:
        TypeError, ValueError: what cannot be written in that format.
        OSError: what cannot be written at that place.
        ImportError: the library that writes that format is not installed.
    """
    suffix = pathlib.Path(filepath).suffix
    file = suffix in ((".keras",) if kind == "trainer" else (".keras", ".h5", ".safetensors"))
    target = check_room(filepath, "A callback that saves", directory=not file)
    if not file:
        check_place(target, overwrite=True)
    else:
        (library if suffix == ".safetensors" else h5py_module)()
    if file and kind != "weights":
        check_no_guests(trainer.model, filepath)
    if kind == "trainer":
        (check_keras_trainer if file else trainer_manifest)(trainer, state)
        return
    model = trainer.model
    if not isinstance(model, Model):
        raise TypeError(
            explain(
                "A plain Linen module has no config and no Keras layout, so it is saved with its trainer.",
                received=type(model).__name__,
                usually="ModelCheckpoint, which saves models of fkeras.",
                write="fk.callbacks.OrbaxCheckpoint(directory)",
            )
        )
    if kind == "model":
        model.to_json()
    if suffix in (".keras", ".h5"):
        check_plain_weights(model, filepath)
        layout(model, state.variables, call_arguments(model, x))
