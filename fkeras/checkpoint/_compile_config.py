"""What a checkpoint says of a trainer: model and compile config as JSON, and the trainer from them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import jax

from ..core import deserialize, explain
from ..train import Trainer, TrainState

# What of a trainer may be something that has no config, and is then given again when loading.
_PARTS = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")


def trainer_manifest(trainer: Trainer, state: TrainState) -> dict[str, Any]:
    """What a checkpoint says of a trainer: model and compile config, and the example that the state was made from."""
    config, lost = {}, {}
    for part in (*_PARTS, "run_eagerly", "steps_per_execution", "jit_compile"):
        try:
            config[part] = trainer.get_config_of(part)
        except (TypeError, ValueError) as error:
            lost[part] = str(error).splitlines()[0]
    model = json.loads(trainer.model.to_json()) if hasattr(trainer.model, "to_json") else None
    return {
        "kind": "trainer",
        "model": model,
        "compile_config": config,
        "without_config": lost,
        "trainer_class": None if type(trainer) is Trainer else type(trainer).__name__,
        "example": _example_spec(state.example),
    }


def compiled(
    model: Any, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None, class_name: Any, parts: Any
) -> Trainer:
    """The trainer that a compile config describes.

    Args:
        model: the model.
        config: the arguments of `compile` as JSON.
        custom_objects: the user's own classes and functions by name.
        class_name: the name of a `Trainer` subclass that saved it, or `None`.
        parts: arguments that take the place of the config's.

    Raises:
        ValueError: an unknown class.
    """
    known = [f.name for f in dataclasses.fields(Trainer) if not f.name.startswith("_")]
    made = {k: _restore(k, v, custom_objects) for k, v in config.items() if k in known and k not in parts}
    cls: Any = Trainer
    if class_name:
        cls = (custom_objects or {}).get(class_name)
        if cls is None:
            raise ValueError(
                explain(
                    f"The run was saved by {class_name!r}, a Trainer class of your own.",
                    write=f"custom_objects={{{class_name!r}: {class_name}}}",
                )
            )
    return cls(model, **{**made, **parts})


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


def as_example(spec: Any) -> Any:
    """An example input, as shapes and dtypes, from its record."""
    if spec is None:
        return None
    if isinstance(spec, Mapping) and set(spec) == {"shape", "dtype"}:
        return jax.ShapeDtypeStruct(tuple(spec["shape"]), spec["dtype"])
    if isinstance(spec, Mapping):
        return {k: as_example(v) for k, v in spec.items()}
    return [as_example(v) for v in spec]
