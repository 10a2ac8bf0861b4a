"""An optimizer's variables in live Keras, and its state here: the same numbers, place for place."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from ...core import explain, flatten
from ...core.typing import Array, PyTree
from ...train import Trainer, TrainState
from .._files._tree_arrays import unflatten
from .._keras._optimizers import Slot, check_whole_step, derived, optimizer_places, to_keras
from ._library import LiveObject


def places_of(trainer: Trainer, state: TrainState, order: list[str]) -> list[Slot]:
    """What each of the variables of Keras's optimizer is, in Keras's order.

    Args:
        trainer: the trainer.
        state: a state of it.
        order: the paths of the weights that train, in the order of Keras's `model.trainable_variables`.

    Raises:
        ValueError: an optimizer that Keras has not.
    """
    places = optimizer_places(trainer.optimizer, flatten(state.opt_state), order)
    numbered = [(at.rpartition("/vars/"), slot) for at, slot in places.items()]
    own = {int(number): slot for (group, _, number), slot in numbered if group == "optimizer"}
    return [own[i] for i in sorted(own)]


def with_slots(trainer: Trainer, state: TrainState, live: LiveObject, order: list[str]) -> TrainState:
    """A state with the numbers of a live optimizer, which has moved these weights.

    Args:
        trainer: the trainer.
        state: its first state.
        live: Keras's optimizer.
        order: see `places_of`.

    Raises:
        ValueError: variables that are not those of the trainer's optimizer.
    """
    slots, variables = places_of(trainer, state, order), list(live.variables)
    shapes = [tuple(slot.shape) for slot in slots]
    if shapes != [tuple(v.shape) for v in variables]:
        raise ValueError(
            explain(
                f"The variables of Keras's {type(live).__name__} are not those of this optimizer.",
                received=f"{len(variables)} variables where {len(shapes)} are expected",
                usually="layers were frozen or thawed after compile, or optimizer= is another one.",
                write="model, variables = fk.from_keras(keras_model)   # and model.compile: the optimizer begins anew",
            )
        )
    read: dict[str, Array] = {}
    flat = flatten(state.opt_state)
    for slot, variable in zip(slots, variables, strict=True):
        if slot.path is not None:
            read[slot.path] = jnp.array(variable.value, dtype=flat[slot.path].dtype, copy=True) * slot.sign
    iterations = next(value for path, value in read.items() if path.endswith("iterations"))
    check_whole_step(trainer.optimizer, iterations)
    read |= derived(trainer.optimizer, iterations)
    opt_state = unflatten(state.opt_state, {**flat, **read})
    return state.replace(opt_state=opt_state, step=jnp.asarray(iterations, state.step.dtype))


def assign_slots(trainer: Trainer, state: TrainState, live: LiveObject, order: list[str]) -> None:
    """Give a live optimizer, which is built, the numbers of a state.

    Args:
        trainer: the trainer.
        state: the state.
        live: Keras's optimizer.
        order: see `places_of`.

    Raises:
        ValueError: see `places_of`; or a state between two moves of gradient accumulation.
    """
    check_whole_step(trainer.optimizer, state.step)
    flat: Mapping[str, PyTree] = flatten(state.opt_state)
    for slot, variable in zip(places_of(trainer, state, order), live.variables, strict=True):
        if slot.path is not None:
            variable.assign(jnp.asarray(np.array(to_keras(slot, flat)), variable.dtype))
