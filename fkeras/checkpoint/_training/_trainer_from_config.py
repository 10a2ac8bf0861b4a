"""Trainers from manifests, and from the parts that the user hands in place of saved ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import optax
from flax import linen

from ...core import Budget, at, deserialize, did_you_mean, explain
from ...core.typing import JSON, Array, CustomObjects
from ...train import Trainer
from ...train import optimizers as fk_optimizers
from .._files._json_values import decode
from .._files._warnings import warn
from ._trainer_config import KERAS_ARGUMENTS, field_names


@dataclasses.dataclass(frozen=True)
class Given:
    """What `load_trainer` was given.

    Attributes:
        parts: arguments of `compile`, and fields, that take the place of what was saved.
        custom_objects: the user's own classes and functions by name.
        trainer_class: the trainer's class, in place of the one that `custom_objects` has under the saved name.
    """

    parts: Mapping[str, Any]
    custom_objects: CustomObjects | None = None
    trainer_class: type[Trainer] | None = None


def trainer_class_of(name: object, given: Given) -> type[Trainer]:
    """The class of a saved trainer: what the user says it is, never what a file imports.

    Args:
        name: what the checkpoint says: the class's name, or `None` of fkeras's own.
        given: what the user says.

    Returns:
        The class.

    Raises:
        TypeError: a part that the class does not have.
        ValueError: a class that the user does not say, or that is no `Trainer`.
    """
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
    cls: type[Trainer],
    model: linen.Module,
    config: JSON,
    fields: Mapping[str, JSON],
    given: Given,
    beside: Mapping[str, Array] | None = None,
) -> Trainer:
    """The trainer that a manifest describes.

    Args:
        cls: its class.
        model: the model.
        config: the arguments of `compile` that Keras has, as `trainer_config` and Keras write them.
        fields: every other field, as `trainer_config` writes it; Keras's files have none.
        given: what the user says.
        beside: arrays of fields that were kept beside the manifest.

    Returns:
        The trainer.

    Raises:
        ValueError: an unknown class, or a field that cannot be made again.
    """
    if not isinstance(config, Mapping):
        raise ValueError(explain("A compile config is a dict of `compile`'s arguments.", received=repr(config)[:80]))
    Budget().examine(config)
    arguments: dict[str, Any] = {}
    for name in (name for name in KERAS_ARGUMENTS if name in config and name not in given.parts):
        with at("compile_config", name):
            arguments[name] = _restore(name, config[name], given.custom_objects)
    saved = {name: value for name, value in fields.items() if name not in given.parts}
    gone = [name for name in saved if name not in field_names(cls)]
    arguments |= {n: _field(n, value, given.custom_objects, beside) for n, value in saved.items() if n not in gone}
    if gone:
        warn(
            explain(
                f"The run was saved with fields that a {cls.__name__} does not have, and goes on without them.",
                received=", ".join(gone),
                usually="the class was changed since, or another one was handed to load_trainer.",
            ),
        )
    return cls(model, **{**arguments, **given.parts})


def _field(name: str, value: JSON, custom_objects: CustomObjects | None, beside: Mapping[str, Array] | None) -> Any:
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


def _restore(part: str, value: JSON, custom_objects: CustomObjects | None) -> Any:
    """A part of the compile config with its objects made; names that are not the user's stay names."""
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
    if isinstance(value, str) and value in (custom_objects or {}):
        own = (custom_objects or {})[value]
        return own() if isinstance(own, type) else own
    return deserialize(value, custom_objects, modules) if isinstance(value, Mapping) else value


def saved_optimizer(
    config: Mapping[str, JSON], custom_objects: CustomObjects | None
) -> optax.GradientTransformation | None:
    """The optimizer of a compile config; `None` where it names none, or one that only its user could make."""
    try:
        return fk_optimizers.get(_restore("optimizer", config.get("optimizer"), custom_objects))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None
