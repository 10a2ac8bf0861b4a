"""Compiling a live Keras model with what a trainer has."""

from __future__ import annotations

from types import ModuleType

from ...core import explain, serialize_object
from ...core.typing import Config, PyTree
from ...train import Trainer
from ...train.losses import Loss
from ...train.metrics import Metric
from ...train.optimizers import Optimizer
from ._compile_guests import is_guest_part
from ._compile_parts import Schedule
from ._known import with_live_functions
from ._library import LiveObject


def compile_in_keras(keras: ModuleType, trainer: Trainer, live: LiveObject) -> None:
    """Compile a live model with a trainer's optimizer, losses and metrics.

    Args:
        keras: the library.
        trainer: the trainer.
        live: the live model; it is changed.

    Raises:
        ValueError: an optimizer, loss or metric that Keras has not.
    """
    arguments: Config = {"optimizer": _optimizer(keras, trainer.optimizer)}
    for name in ("loss", "metrics", "weighted_metrics"):
        arguments[name] = _each(keras, name, getattr(trainer, name))
    arguments["loss_weights"] = trainer.loss_weights
    live.compile(**{name: value for name, value in arguments.items() if value is not None})


def _each(keras: ModuleType, what: str, value: PyTree) -> PyTree:
    if isinstance(value, dict):
        return {key: _each(keras, what, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_each(keras, what, part) for part in value]
    if is_guest_part(value):
        return value.live
    if isinstance(value, Loss | Metric):
        return _made(keras, what, value)
    return value


def _optimizer(keras: ModuleType, optimizer: PyTree) -> LiveObject:
    schedule = getattr(optimizer, "learning_rate", None)
    if isinstance(schedule, Schedule):
        made = _made(keras, "optimizer", optimizer.replace(learning_rate=0.0))
        return type(made).from_config({**made.get_config(), "learning_rate": schedule.live})
    if not isinstance(optimizer, Optimizer):
        raise _not_in_keras("optimizer", optimizer)
    return _made(keras, "optimizer", optimizer)


def _made(keras: ModuleType, what: str, value: PyTree) -> PyTree:
    try:
        record = serialize_object(value)
        config, functions = with_live_functions(value, dict(record["config"]))
        return keras.saving.deserialize_keras_object({**record, "config": config}, custom_objects=functions)
    except (TypeError, ValueError) as error:
        raise _not_in_keras(what, value) from error


def _not_in_keras(what: str, value: object) -> ValueError:
    return ValueError(
        explain(
            f"Keras has no {what} like the trainer's.",
            received=f"a {type(value).__name__} of {type(value).__module__}",
            usually="an optax transformation, or a class of your own.",
            write="keras_model = fk.to_keras(trainer.model, state.variables)   # and keras_model.compile",
        )
    )
