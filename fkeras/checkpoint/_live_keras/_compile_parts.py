"""What a live Keras model was compiled with, as arguments of `model.compile` here."""

from __future__ import annotations

import contextlib
import warnings
from types import ModuleType

from ...core import deserialize, explain
from ...core.typing import Array, ArrayLike, Config, PyTree
from ...train import optimizers as fk_optimizers
from ._compile_guests import KerasLoss, KerasMetric
from ._known import is_known_config, is_of_keras
from ._library import LiveObject

# Methods by which a Keras model says itself how it trains.
_OWN_TRAINING = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "make_train_function")


def compile_arguments(keras: ModuleType, model: LiveObject, given: Config) -> Config:
    """The arguments with which a live model was compiled.

    Args:
        keras: the library.
        model: the live model.
        given: arguments that take the place of those.

    Raises:
        ValueError: it was not compiled, trains by a method of its own, or has an optimizer of a class of its own.
    """
    if not getattr(model, "compiled", False) and "optimizer" not in given:
        raise ValueError(
            explain(
                f"{model.name!r} was not compiled, so there is nothing to train it with.",
                write='keras_model.compile("adam", "mse")   # or fk.trainer_from_keras(keras_model, optimizer="adam", '
                'loss="mse"), or fk.from_keras(keras_model)',
            )
        )
    _check_trains_as_keras(model)
    said = _kept(model)
    parts: Config = {}
    for name, value in said.items():
        if name in given or value is None:
            continue
        if name == "optimizer":
            parts[name] = _optimizer(keras, model.optimizer)
        elif name in ("loss", "metrics", "weighted_metrics"):
            parts[name] = _each(keras, value)
        elif (
            name == "loss_weights"
            or (name == "steps_per_execution" and value != 1)
            or (name in ("jit_compile", "run_eagerly") and value != "auto" and bool(value) is (name == "run_eagerly"))
        ):
            parts[name] = value
    return {**parts, **given}


def _kept(model: LiveObject) -> Config:
    """The objects that `compile` was given. Keras has them nowhere else: its public config has names of functions."""
    kept = getattr(model, "_compile_config", None)
    return dict(getattr(kept, "config", None) or {})


def _check_trains_as_keras(model: LiveObject) -> None:
    own = [n for n in _OWN_TRAINING if not _home(getattr(type(model), n, None)).startswith("keras")]
    if own:
        raise ValueError(
            explain(
                f"How {type(model).__name__} trains is not carried over: it has a {', '.join(own)} of its own.",
                received=f"{type(model).__name__}.{own[0]}, which changes the model's variables as it runs",
                usually="a custom train_step, as for a GAN or for contrastive learning.",
                write="model, variables = fk.from_keras(keras_model)\n"
                "class MyTrainer(fk.Trainer):\n"
                "    def compute_loss(self, params, state, batch, rng): ...   # or train_step(self, state, batch)",
            )
        )


def _home(function: object) -> str:
    return str(getattr(function, "__module__", "keras"))


def _each(keras: ModuleType, value: PyTree) -> PyTree:
    """Losses or metrics, in lists and dicts of them."""
    if isinstance(value, dict):
        return {key: _each(keras, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_each(keras, part) for part in value]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, type) and issubclass(value, keras.losses.Loss | keras.metrics.Metric):
        value = value()
    if isinstance(value, keras.losses.Loss):
        return _known(keras, value, "keras.losses") or KerasLoss(value)
    if isinstance(value, keras.metrics.Metric):
        return _known(keras, value, "keras.metrics") or KerasMetric(value)
    if callable(value) and _home(value).partition(".")[0] == "keras":
        return value.__name__  # `keras.losses.mean_squared_error` itself
    return value


def _known(keras: ModuleType, value: PyTree, module: str) -> PyTree:
    """The object of fkeras that a config describes; `None` where fkeras does not know all of it."""
    if not is_of_keras(value):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # of lambdas, whose code is not read here
            record = keras.saving.serialize_keras_object(value)
        return deserialize(record, None, (module,)) if is_known_config(record) else None
    except (ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError):
        return None


def _optimizer(keras: ModuleType, live: LiveObject) -> PyTree:
    """The optimizer; its schedule, where it is a function or class of the user's own, as it is."""
    found = _known(keras, live, "keras.optimizers")
    if found is not None:
        return found
    schedule = getattr(live, "_learning_rate", None)
    if is_of_keras(live) and isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        with contextlib.suppress(NotImplementedError):  # of a schedule without a get_config
            record = {**live.get_config(), "learning_rate": 0.0}
            made: PyTree = fk_optimizers.get({"class_name": type(live).__name__, "config": record})
            return made.replace(learning_rate=Schedule(schedule))
    raise ValueError(
        explain(
            f"The optimizer {type(live).__name__} is not known to fkeras.",
            received=f"a class of {type(live).__module__}",
            usually="an optimizer or a schedule of your own, or an argument that fkeras has not.",
            write="fk.trainer_from_keras(keras_model, optimizer=optax.adam(1e-3))",
        )
    )


class Schedule:
    """A learning rate schedule of a user's own Keras class, as the function of the step that it is.

    Args:
        live: the schedule.
    """

    def __init__(self, live: LiveObject) -> None:
        self.live = live

    def __call__(self, step: ArrayLike) -> Array:
        return self.live(step)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and other.live is self.live

    def __hash__(self) -> int:
        return hash((Schedule, id(self.live)))
