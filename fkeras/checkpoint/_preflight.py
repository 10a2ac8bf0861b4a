"""What a save would refuse, found before there is anything to save."""

from __future__ import annotations

import pathlib
from typing import Any

from ..core import Layer, check_room, explain
from ..train import TrainState
from ._keras._layout import layout
from ._keras._models import call_arguments
from ._models import _check_plain
from ._orbax import _directory
from ._training._compile_config import trainer_manifest


def check_save(trainer: Any, state: TrainState, filepath: Any, kind: str, x: Any = None) -> None:
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
    """
    suffix = pathlib.Path(filepath).suffix
    file = kind != "trainer" and suffix in (".keras", ".h5", ".safetensors")
    target = check_room(filepath, "A callback that saves", directory=not file)
    if not file:
        _directory.check_place(target, overwrite=True)
    if kind == "trainer":
        trainer_manifest(trainer, state)
        return
    model = trainer.model
    if not isinstance(model, Layer):
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
        _check_plain(model, filepath)
        layout(model, state.variables, call_arguments(model, x))
