"""The arguments of `compile`: what Keras takes for losses, metrics and an optimizer, as objects and as configs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flax import linen

from ..core import explain
from ..core.typing import Config
from . import losses as fk_losses
from . import metrics as fk_metrics
from . import optimizers as fk_optimizers
from ._step._logged_norms import check_log
from ._step._mixed_precision import computes_in_float16, with_loss_scale

# The arguments that Keras's compile config has.
_IN_CONFIG = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
    "jit_compile",
)  # fmt: skip


def as_objects(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with names and configs replaced by what they stand for.

    Args:
        arguments: those of `compile`, by name.

    Returns:
        The fields of a `Trainer`.

    Raises:
        TypeError: a model that is none.
        ValueError: an unknown name.
    """
    model = arguments["model"]
    if not isinstance(model, linen.Module):
        raise TypeError(
            explain(
                "A Trainer needs a model.",
                received=type(model).__name__,
                usually="a class, or a function, was passed instead of a module.",
                write="fk.Trainer(model, optimizer='adam', loss='mse')",
            )
        )
    optimizer = fk_optimizers.get(arguments["optimizer"])
    if arguments["auto_scale_loss"] and computes_in_float16(model):
        optimizer = with_loss_scale(optimizer)
    _check_factors(arguments["loss_weights"])
    return {
        **arguments,
        "optimizer": optimizer,
        "loss": _each(fk_losses.get, arguments["loss"]),
        "metrics": _each(_metric, arguments["metrics"]),
        "weighted_metrics": _each(_metric, arguments["weighted_metrics"]),
        "log": check_log(arguments["log"]),
        "accumulate_in_step": _parts(arguments["accumulate_in_step"]),
    }


def config_of(part: str, value: Any) -> Any:
    """One argument of `compile` as Keras's compile config has it.

    Raises:
        TypeError: a part that has no config, such as a plain optax transformation.
    """
    if part == "optimizer":
        return fk_optimizers.serialize(value)
    if part == "loss":
        return _each(fk_losses.serialize, value)
    if part in ("metrics", "weighted_metrics"):
        return _each(lambda metric: metric if isinstance(metric, str) else fk_metrics.serialize(metric), value)
    return value


def compile_config(trainer: Any) -> Config:
    """The arguments of `compile` as Keras's compile config."""
    return {part: trainer.get_config_of(part) for part in _IN_CONFIG}


def _each(function: Callable[[Any], Any], spec: Any) -> Any:
    """`function` of each loss or metric in a value, list or dict by output; configs are one value."""
    if isinstance(spec, Mapping) and "class_name" not in spec:
        return {name: _each(function, part) for name, part in spec.items()}
    if isinstance(spec, list | tuple):
        return [_each(function, part) for part in spec]
    return None if spec is None else function(spec)


def _metric(spec: Any) -> Any:
    """A metric, or a name that is resolved once shapes are known; an unknown name is an error at once."""
    if isinstance(spec, str):
        fk_metrics.resolve(spec, None, (1, 1), None)
        return spec
    return fk_metrics.get(spec) if isinstance(spec, Mapping) else spec


def _check_factors(given: Any) -> None:
    """Refuse `loss_weights` with text among them, which are metrics in the place that they had in Keras 2.

    Raises:
        TypeError: naming the argument.
    """
    values = list(given.values()) if isinstance(given, Mapping) else given
    listed = values if isinstance(values, list | tuple) else [values]
    metrics = [v for v in listed if isinstance(v, str | fk_metrics.Metric) or callable(v)]
    wrong = [v for v in listed if v is not None and not _is_number(v)]
    if not (wrong or metrics):
        return
    are_metrics = bool(metrics)
    raise TypeError(
        explain(
            "loss_weights are numbers: a factor for the loss of each output.",
            received=f"loss_weights={given!r}"[:120],
            usually="metrics as the third argument without their name, which is loss_weights."
            if are_metrics
            else "an entry that is no number.",
            write=f"metrics={given!r}"[:120] if are_metrics else 'loss_weights={"a": 1.0, "b": 0.5}, or [1.0, 0.5]',
        )
    )


def _is_number(value: Any) -> bool:
    """Whether a value is a number of any library, a traced one included; an array holds one for each output."""
    return isinstance(value, int | float | np.generic) or hasattr(value, "dtype")


def _parts(given: Any) -> int:
    """The number of parts of a batch."""
    if isinstance(given, bool) or not hasattr(given, "__index__") or given < 1:
        raise ValueError(
            explain(
                "accumulate_in_step is the number of parts that a step cuts its batch into.",
                received=repr(given),
                usually="the size of a part, or None.",
                write="accumulate_in_step=4",
            )
        )
    return int(given)
