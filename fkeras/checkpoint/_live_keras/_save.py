"""Models with live Keras layers as `.keras` files, which real Keras itself writes."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

from ...core import Layer, explain, walk
from ...core.typing import FilePath, VariablesLike
from ...train import Trainer, TrainState
from .._files._atomic_file import whole_file
from ._live_weights import is_guest
from ._to_keras import to_keras


def has_guests(model: object) -> bool:
    """Whether a model has live layers of Keras in it."""
    return isinstance(model, Layer) and (is_guest(model) or any(is_guest(layer) for _, layer in walk(model)))


def save_live(
    model: Layer | Trainer, filepath: FilePath, variables: VariablesLike | TrainState, overwrite: bool
) -> None:
    """Write a `.keras` file of a model, or a trainer, in which layers are Keras's; the classes are named as Keras does.

    Args:
        model: the model or the trainer.
        filepath: the file to make.
        variables: the variables, or the trainer's state.
        overwrite: whether a file that is already there may be replaced.

    Raises:
        FileExistsError: something is there and `overwrite` is false.
        TypeError: a layer of which Keras cannot make another one.
        ValueError: a part that Keras has not.
    """
    keras_model = to_keras(model, variables)
    with whole_file(filepath, overwrite) as target, tempfile.TemporaryDirectory() as place:
        written = pathlib.Path(place) / "model.keras"
        try:
            keras_model.save(written)
        except NotImplementedError as error:
            raise TypeError(
                explain(
                    f"Keras cannot write {keras_model.name!r}.",
                    received=str(error).strip().splitlines()[0],
                    usually="a layer of your own, of Keras or of fkeras, without a get_config.",
                    write='model.save_weights("name", variables)   # an Orbax directory',
                )
            ) from error
        shutil.copyfile(written, target)


def refuse_live(model: object, filepath: FilePath) -> None:
    """Refuse weights of live layers in a format in which Keras has them elsewhere.

    Raises:
        ValueError: the model has such.
    """
    if has_guests(model):
        raise ValueError(
            explain(
                f"{os.fspath(filepath)!r} would not be as Keras has it: the model has live layers of Keras.",
                usually="the model came from fk.from_keras.",
                write=f"fk.to_keras(model, variables).save_weights({os.fspath(filepath)!r})",
            )
        )
