"""The state of an optimizer that Keras 1 or 2 saved, read for the one that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax

from ...core import Layer, address_of, explain, flatten
from ...core.typing import JSON, ArrayLike, Config, PyTree, Variables
from ...train import Trainer
from .._files._warnings import warn
from ._layer_order import top_layers
from ._optimizer_arrays import ArrayInFile, OptimizerArrays, arranged
from ._optimizer_state import weights_that_train
from ._optimizers import Slot, optimizer_places
from ._weights_source import WeightsSource

# What something else than the file says, or begins anew.
_TOLD = ("iterations", "learning_rate", "u_product", "step_counter", "dynamic_scale")
# After so many factors below one a product of float32 is what it will be.
_TO_ZERO = 100_000


def output_names(record: Mapping[str, Any]) -> list[str]:
    """The names of a graph's outputs: those of the layers that make them."""
    config = record.get("config")
    ends = config.get("output_layers") if isinstance(config, Mapping) else None
    if isinstance(ends, Mapping):
        return [str(name) for name in ends]
    if isinstance(ends, list) and ends and isinstance(ends[0], list):
        return [str(end[0]) for end in ends if isinstance(end, list) and end]
    return []


def old_optimizer(
    file: WeightsSource,
    arrays: list[ArrayInFile],
    said: JSON,
    trainer: Trainer,
    model: Layer,
    variables: Variables,
    args: tuple[PyTree, ...],
    record: Config,
    readers: list[optax.GradientTransformation],
) -> tuple[list[optax.GradientTransformation], OptimizerArrays]:
    """The optimizer whose state a file has, and its arrays at Keras 3's places; a warning says what does not fit.

    Args:
        file: what reads the arrays.
        arrays: the optimizer's arrays, in the file's order.
        said: what the file says of `compile`.
        trainer: the trainer that goes on.
        model: the model, and
        variables: its variables.
        args: the call's inputs, for a model without a graph.
        record: the record that the model was made of.
        readers: the optimizers of which the arrays may be.

    Returns:
        `([optimizer], arrays)`, or `([], no arrays)`.
    """
    nothing = OptimizerArrays(file, {}, {})
    if not arrays or not readers:
        if said:
            _warn(file, "a compiled model without the optimizer's variables" if not arrays else _all(arrays), arrays)
        return [], nothing
    moving, _ = trainer.partition(*args).split(variables["params"])
    ours = weights_that_train(trainer, variables, args)
    order = [
        leaf.removeprefix("params/")
        for layer in top_layers(model, variables, args, record)
        for part in layer.parts
        for leaf in part.leaves
    ]
    theirs = [leaf for leaf in order if leaf in ours]
    together = is_new(said)
    for reader in readers:
        like = flatten(jax.eval_shape(reader.init, moving))
        try:
            slots = optimizer_places(reader, like, ours)
        except ValueError:
            continue
        found = arranged(arrays, slots, theirs, (address_of(type(reader)) or ("", ""))[1], together)
        if found is None:
            continue
        at, left = found
        at = _at_each_place(slots, at)
        if any(slot.path is not None and place not in at and not _is_told(slot) for place, slot in slots.items()):
            continue
        told = _told(reader, slots, at, file)
        told |= {place: _steps(file, at[place]) for place, slot in slots.items() if _counts(slot) and place in at}
        at = {place: path for place, path in at.items() if place not in told}
        if left and any(array.spec[0] not in ((), (1,)) for array in left) and not _is_unused(reader, left):
            _warn(file, _all(left), left, some=True)
        return [reader], OptimizerArrays(file, at, told)
    _warn(file, _all(arrays), arrays)
    return [], nothing


def _at_each_place(slots: Mapping[str, Slot], at: Mapping[str, str]) -> dict[str, str]:
    """The path for every place of a variable: Keras 3 writes those inside a scaled optimizer twice."""
    path_of = {slots[place].path: path for place, path in at.items()}
    return {
        place: path_of[slot.path] for place, slot in slots.items() if slot.path is not None and slot.path in path_of
    }


def is_new(said: JSON) -> bool:
    """Whether the optimizer is of Keras 2.11 or later, which keeps the arrays of one weight together."""
    optimizer = said.get("optimizer_config", said.get("optimizer")) if isinstance(said, dict) else None
    if not isinstance(optimizer, dict):
        return True
    inner = optimizer.get("config")
    scaled = inner.get("inner_optimizer") if isinstance(inner, dict) else None
    if isinstance(scaled, dict):  # one whose loss is scaled
        optimizer, inner = scaled, scaled.get("config")
    names = set(inner) if isinstance(inner, dict) else set()
    return str(optimizer.get("class_name")).startswith("Custom>") or bool(names & {"use_ema", "is_legacy_optimizer"})


def _is_unused(reader: optax.GradientTransformation, left: list[ArrayInFile]) -> bool:
    """Whether the arrays are the momentum of an optimizer without any, which Keras keeps all the same."""
    return type(reader).__name__ == "SGD" and not getattr(reader, "momentum", 0.0)


def _told(
    reader: optax.GradientTransformation, slots: Mapping[str, Slot], at: Mapping[str, str], file: WeightsSource
) -> dict[str, np.ndarray]:
    """What the file does not keep, and the optimizer says: its rate, and that no step is counted."""
    told: dict[str, np.ndarray] = {}
    bare = getattr(reader, "inner_optimizer", reader)
    for place, slot in slots.items():
        if place in at:
            continue
        end = (slot.path or "").rpartition("/")[2]
        rate = getattr(bare, "learning_rate", None)
        value = rate if end == "learning_rate" and not callable(rate) else 0
        if end == "dynamic_scale":  # Keras 2 begins with the first scale again
            value = getattr(reader, "initial_scale", 0)
        if end == "u_product":
            value = _product(bare, next((file.read(at[p]) for p, s in slots.items() if _counts(s) and p in at), 0))
        told[place] = np.full(slot.shape, value, slot.dtype)
    return told


def _steps(file: WeightsSource, path: str) -> np.ndarray:
    """How many steps were made; Keras 1 counts them in a float.

    Raises:
        ValueError: a number that is no count.
    """
    said = float(np.asarray(file.read(path)).reshape(-1)[:1].sum())
    if not (0 <= said < 2**31 and said == round(said)):
        raise ValueError(
            explain(f"The optimizer in {file.label!r} has made {said} steps.", usually="a damaged or an edited file.")
        )
    return np.asarray(round(said), np.int32)


def _is_told(slot: Slot) -> bool:
    """Whether something else than the file says what a variable is."""
    return (slot.path or "").rpartition("/")[2] in _TOLD


def _counts(slot: Slot) -> bool:
    return (slot.path or "").endswith("iterations") and not slot.shape


def _product(reader: optax.GradientTransformation, iterations: ArrayLike) -> float:
    """Nadam's product of momentums after so many iterations, which Keras 2 does not keep.

    Reference: Dozat, "Incorporating Nesterov Momentum into Adam" (2016); the schedule is Keras 3's.
    """
    steps = np.arange(1, min(int(np.asarray(iterations)), _TO_ZERO) + 1)
    return float(np.prod(getattr(reader, "beta_1", 0.9) * (1.0 - 0.5 * 0.96**steps)))


def _all(arrays: list[ArrayInFile]) -> str:
    names = [array.name for array in arrays]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _warn(file: WeightsSource, received: str, arrays: list[ArrayInFile], some: bool = False) -> None:
    what = "A part of the optimizer's state" if some else "The optimizer's state"
    warn(
        explain(
            f"{what} in {file.label!r} does not fit, and begins anew."
            if arrays
            else f"The optimizer begins anew, as {file.label!r} has none of its variables.",
            received=received,
            usually="a model that was changed, or an optimizer that keeps other arrays than Keras 3's."
            if arrays
            else "the model was saved without them (include_optimizer=False).",
        )
    )
