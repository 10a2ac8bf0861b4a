"""What a checkpoint says of a trainer: model, compile config and fields as JSON, and the trainer from them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ...core import Budget, at, deserialize, did_you_mean, explain, serialize
from ...train import Trainer, TrainState
from ...train import optimizers as fk_optimizers
from .._files._json_values import decode, encode
from .._files._warnings import warn

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


def trainer_manifest(trainer: Trainer, state: TrainState, beside: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a checkpoint says of a trainer: the model, the compile config, every other field, and the state's example.

    Args:
        trainer: the trainer.
        state: the state, which knows the example input that it was made from.
        beside: takes the arrays in its fields that are too large for JSON; `None` where there is no place for any.
    """
    config, fields, lost = {}, {}, {}
    for name in field_names(type(trainer)):
        try:
            if name in KERAS_ARGUMENTS:
                config[name] = _plain(name, trainer.get_config_of(name))
            else:
                fields[name] = encode(getattr(trainer, name), beside)
        except (TypeError, ValueError, RecursionError) as error:
            if getattr(trainer, name) is not getattr(type(trainer), name, None):  # which the class knows without a file
                lost[name] = str(error).splitlines()[0]
    model = json.loads(trainer.model.to_json()) if hasattr(trainer.model, "to_json") else None
    return {
        "kind": "trainer",
        "model": model,
        "compile_config": config,
        "fields": fields,
        "without_config": lost,
        "trainer_class": None if type(trainer) is Trainer else type(trainer).__name__,
        "example": _example_spec(state.example),
    }


def field_names(cls: type[Trainer]) -> list[str]:
    """The arguments of a trainer's class beside the model: those of `compile` and a subclass's own fields."""
    return [f.name for f in dataclasses.fields(cls) if f.init and f.name != "model"]


def _plain(name: str, value: Any) -> Any:
    """An argument as JSON; factors of losses may be numbers of any library."""
    if name == "loss_weights" and isinstance(value, Mapping):
        return {k: _plain(name, v) for k, v in value.items()}
    if name == "loss_weights" and (isinstance(value, list | tuple) or np.ndim(value)):
        return [_plain(name, v) for v in value]
    return float(value) if name == "loss_weights" and value is not None else serialize(value)


@dataclasses.dataclass(frozen=True)
class Given:
    """What `load_trainer` was given.

    Attributes:
        parts: arguments of `compile`, and fields, that take the place of what was saved.
        custom_objects: the user's own classes and functions by name.
        trainer_class: the trainer's class, in place of the one that `custom_objects` has under the saved name.
    """

    parts: Mapping[str, Any]
    custom_objects: Mapping[str, Any] | None = None
    trainer_class: type[Trainer] | None = None


def trainer_class_of(said: Mapping[str, Any], given: Given) -> type[Trainer]:
    """The class of a saved trainer: what the user says it is, never what a file imports.

    Args:
        said: what the checkpoint says; `trainer_class` is the class's name, where it was one of the user's own.
        given: what the user says.

    Raises:
        TypeError: a part that the class does not have.
        ValueError: a class that the user does not say, or that is no `Trainer`.
    """
    name = said.get("trainer_class")
    if not isinstance(name, str | None):
        raise ValueError(
            explain("The name of the trainer's class is no text.", received=repr(name)[:80], usually="a damaged file.")
        )
    cls = given.trainer_class or (Trainer if not name else (given.custom_objects or {}).get(name))
    if not (isinstance(cls, type) and issubclass(cls, Trainer)):
        raise ValueError(
            explain(
                f"The run was saved by {name!r}, a Trainer class of your own."
                if cls is None
                else "What was handed as the trainer's class is no Trainer.",
                received=None if cls is None else repr(cls),
                usually="fkeras never imports a class by a name found in a file." if cls is None else "",
                write=f"custom_objects={{{name!r}: {name}}}, or trainer_class={name}",
            )
        )
    for part in given.parts:
        if part not in field_names(cls):
            raise TypeError(
                explain(
                    f"load_trainer got {part!r}, which a {cls.__name__} does not have.",
                    received=f"{part}=...",
                    usually=did_you_mean(part, field_names(cls)),
                )
            )
    return cls


def compiled(
    cls: type[Trainer], model: Any, said: Mapping[str, Any], given: Given, beside: Mapping[str, Any] | None = None
) -> Trainer:
    """The trainer that a manifest describes.

    Args:
        cls: its class.
        model: the model.
        said: `compile_config` and `fields` as `trainer_manifest` makes them; Keras has only the first.
        given: what the user says.
        beside: arrays of fields that were kept beside the manifest.

    Raises:
        ValueError: an unknown class, or a field that cannot be made again.
    """
    known = field_names(cls)
    config = said["compile_config"]
    if not isinstance(config, Mapping):
        raise ValueError(explain("A compile config is a dict of `compile`'s arguments.", received=repr(config)[:80]))
    Budget().examine(config)
    arguments = {}
    for name in (name for name in KERAS_ARGUMENTS if name in config and name not in given.parts):
        with at("compile_config", name):
            arguments[name] = _restore(name, config[name], given.custom_objects)
    gone = []
    for name, value in (said.get("fields") or {}).items():
        if name in given.parts:
            continue
        if name not in known:
            gone.append(name)
            continue
        arguments[name] = _field(name, value, given.custom_objects, beside)
    if gone:
        warn(
            explain(
                f"The run was saved with fields that a {cls.__name__} does not have, and goes on without them.",
                received=", ".join(gone),
                usually="the class was changed since, or another one was handed to load_trainer.",
            ),
        )
    return cls(model, **{**arguments, **given.parts})


def _field(name: str, value: Any, custom_objects: Mapping[str, Any] | None, beside: Mapping[str, Any] | None) -> Any:
    try:
        return decode(value, custom_objects, beside)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            explain(
                f"The trainer's field {name!r} cannot be made again.",
                received=str(error).splitlines()[0] if str(error) else type(error).__name__,
                usually="it holds an object of a class of your own, or the file is damaged.",
                write=f"fk.load_trainer(path, {name}=...), or custom_objects={{'TheClass': TheClass}}",
            )
        ) from error


def _restore(part: str, value: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """Objects in a part of the compile config; names stay names."""
    modules = {
        "optimizer": ("keras.optimizers", "keras.optimizers.schedules"),
        "loss": ("keras.losses",),
        "metrics": ("keras.metrics",),
        "weighted_metrics": ("keras.metrics",),
    }.get(part)
    if modules is None or value is None:
        return value
    if isinstance(value, Mapping) and "class_name" not in value:
        return {k: _restore(part, v, custom_objects) for k, v in value.items()}
    if isinstance(value, list):
        return [_restore(part, v, custom_objects) for v in value]
    return deserialize(value, custom_objects, modules) if isinstance(value, Mapping) else value


def _example_spec(example: Any) -> Any:
    """Shapes and dtypes of an example input as JSON."""
    return jax.tree.map(lambda leaf: {"shape": list(leaf.shape), "dtype": leaf.dtype.name}, example)


def saved_optimizer(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """The optimizer of a compile config; `None` where it names none, or one that only its user could make."""
    try:
        return fk_optimizers.get(_restore("optimizer", config.get("optimizer"), custom_objects))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def warn_of_rate(trainer: Trainer, state: TrainState, saved: Any) -> None:
    """Say that a run goes on at its own learning rate, where the optimizer that was handed has another.

    Args:
        trainer: the trainer with the optimizer that was handed.
        state: the state that was loaded.
        saved: the optimizer that the run was saved with, where it is known.
    """
    handed, before, kept = _rate_of(trainer.optimizer), _rate_of(saved), trainer.get_learning_rate(state)
    if handed is None or kept is None or handed in (before, float(kept)):
        return
    warn(
        explain(
            f"The run goes on at the learning rate that it had, {float(kept):g}.",
            received=f"an optimizer with learning_rate={handed:g}",
            usually="the rate is part of the state, as a callback may have changed it.",
            write=f"state = trainer.set_learning_rate(state, {handed:g})",
        ),
    )


def _rate_of(optimizer: Any) -> float | None:
    """The number that an optimizer of fkeras, or one inside `accumulate`, begins with."""
    rate = getattr(getattr(optimizer, "optimizer", optimizer), "learning_rate", None)
    return None if rate is None or callable(rate) else float(np.float32(rate))


def as_example(spec: Any) -> Any:
    """An example input, as shapes and dtypes, from its record."""
    if spec is None:
        return None
    if isinstance(spec, Mapping) and set(spec) == {"shape", "dtype"}:
        return jax.ShapeDtypeStruct(tuple(spec["shape"]), spec["dtype"])
    if isinstance(spec, Mapping):
        return {k: as_example(v) for k, v in spec.items()}
    return [as_example(v) for v in spec]
