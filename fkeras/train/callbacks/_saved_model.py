"""A model that is saved while a run goes on, with what training needs to go on where the file can hold it."""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

from ...core import explain
from ...core.typing import FilePath, PyTree
from .._step._state import TrainState


def why_alone(trainer: Any, state: TrainState, filepath: FilePath) -> str:
    """Why a file would hold the model alone, and not what training needs to go on; empty where it holds both.

    Args:
        trainer: what trains.
        state: a state of it.
        filepath: the file, or the directory.

    Raises:
        OSError: what cannot be written at that place.
    """
    from ...checkpoint import check_save

    try:
        check_save(trainer, state, filepath, "trainer")
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def warn_if_alone(
    trainer: Any, state: TrainState, filepath: FilePath, known: bool = False, stacklevel: int = 2
) -> bool:
    """Whether a file will hold the model alone; a warning says so, and why, where that is not `known`."""
    why = why_alone(trainer, state, filepath)
    if why and not known:
        warnings.warn(
            explain(
                f"{str(filepath)!r} gets the model alone: fk.load_model opens it, fk.load_trainer does not.",
                received=why.replace("\n", "\n          "),
                usually="a Keras file has no place for this; a directory has.",
                write='fk.callbacks.OrbaxCheckpoint("run/")',
            ),
            UserWarning,
            stacklevel=stacklevel + 1,
        )
    return bool(why)


def save_model(
    trainer: Any, state: TrainState, filepath: FilePath, overwrite: bool = True, known: bool = False, **kwargs: Any
) -> None:
    """Save a model at a moment of a run; `fk.load_trainer` goes on from there.

    A `.keras` file holds what Keras's does: model, compile config, weights, the optimizer's variables. Where it cannot,
    of an optax optimizer say, it gets the model alone, and a warning says so.

    Args:
        trainer: what trains.
        state: the state.
        filepath: the file, or the directory.
        overwrite: whether what is there may be replaced.
        known: whether it was said before that the file gets the model alone.
        **kwargs: further arguments of `model.save`.
    """
    whole = pathlib.Path(filepath).suffix in (".keras", "")
    if whole and not kwargs and not warn_if_alone(trainer, state, filepath, known):
        trainer.save(filepath, state, overwrite=overwrite)
    else:
        trainer.model.save(filepath, state.variables, overwrite=overwrite, **example_of(state), **kwargs)


def example_of(state: TrainState) -> dict[str, PyTree]:
    """What a model without a graph was called with, as a Keras file of it has to know."""
    return {} if state.example is None else {"x": state.example}
