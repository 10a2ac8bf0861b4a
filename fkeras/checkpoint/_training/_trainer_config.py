"""What a checkpoint says of a trainer: model, compile config and fields as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ...core import Model, model_record, serialize
from ...core.typing import JSON, Array, Config, PyTree
from ...train import Trainer, TrainState
from .._files._field_values import FieldValues
from .._files._readable import readable_config
from .._orbax._manifest_types import TrainerManifest
from ._example_input import example_record

# The arguments of `compile` that Keras has: what its compile config holds.
KERAS_ARGUMENTS = (
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
)


@dataclasses.dataclass(frozen=True)
class TrainerConfig:
    """A trainer's arguments as JSON.

    Attributes:
        compile_config: those that Keras has.
        fields: every other one, as `FieldValues` writes it.
        without_config: why a part could not be written, by its name.
    """

    compile_config: Config
    fields: dict[str, JSON]
    without_config: dict[str, str]


def trainer_config(trainer: Trainer, beside: dict[str, np.ndarray | Array] | None = None) -> TrainerConfig:
    """The arguments of a trainer beside its model as JSON.

    Args:
        trainer: the trainer.
        beside: takes the arrays in its fields that are too large for JSON; `None` where there is no place for any.

    Returns:
        What could be written, and of the rest why not.
    """
    config: Config = {}
    fields: dict[str, JSON] = {}
    lost: dict[str, str] = {}
    values = FieldValues(beside)
    for name in field_names(type(trainer)):
        if name == "distribution":  # the devices of this machine: who loads the trainer says which there are
            continue
        try:
            if name in KERAS_ARGUMENTS:
                config[name] = _plain(name, trainer.get_config_of(name))
            else:
                fields[name] = values.encode(getattr(trainer, name))
        except (TypeError, ValueError, RecursionError) as error:
            if getattr(trainer, name) is not getattr(
                type(trainer), name, None
            ):  # the default, which the class knows without a file
                lost[name] = str(error).splitlines()[0]
    return TrainerConfig(config, fields, lost)


def trainer_manifest(
    trainer: Trainer,
    state: TrainState,
    beside: dict[str, np.ndarray | Array] | None = None,
    checked_for: str | None = None,
) -> TrainerManifest:
    """What a checkpoint says of a trainer: the model, the compile config, every other field, and the state's example.

    Args:
        trainer: the trainer.
        state: the state, which knows the example input that it was made from.
        beside: see `trainer_config`.
        checked_for: the file for which the model's description is compared with a reader's bounds; by default none.

    Returns:
        The manifest's part. A model that has no config is `None` there, and `without_config` says why.

    Raises:
        ValueError: a reader would refuse the model's description.
    """
    said = trainer_config(trainer, beside)
    model, lost = _model_config(trainer.model, checked_for)
    return {
        "kind": "trainer",
        "model": model,
        "compile_config": said.compile_config,
        "fields": said.fields,
        "without_config": {**lost, **said.without_config},
        "trainer_class": class_name(trainer),
        "example": example_record(state.example),
    }


def _model_config(model: PyTree, checked_for: str | None) -> tuple[Config | None, dict[str, str]]:
    """A model's description, and why there is none where a part of it has no config, such as a live guest."""
    if not isinstance(model, Model):
        return None, {}  # a plain Linen module
    try:
        return (model_record(model) if checked_for is None else readable_config(model, checked_for)), {}
    except (NotImplementedError, TypeError) as error:
        return None, {"model": (str(error).splitlines() or [type(error).__name__])[0]}


def class_name(trainer: Trainer) -> str | None:
    """The name of a trainer's class, where it is one of the user's own."""
    return None if type(trainer) is Trainer else type(trainer).__name__


def field_names(cls: type[Trainer]) -> list[str]:
    """The arguments of a trainer's class beside the model: those of `compile` and a subclass's own fields."""
    return [f.name for f in dataclasses.fields(cls) if f.init and f.name != "model"]


def _plain(name: str, value: PyTree) -> JSON:
    """An argument as JSON; factors of losses may be numbers of any library."""
    if name == "loss_weights" and isinstance(value, Mapping):
        return {k: _plain(name, v) for k, v in value.items()}
    if name == "loss_weights" and (isinstance(value, list | tuple) or np.ndim(value)):
        return [_plain(name, v) for v in value]
    return float(value) if name == "loss_weights" and value is not None else serialize(value)
