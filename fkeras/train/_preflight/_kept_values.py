"""What a step keeps of its forward pass for the backward pass."""

from __future__ import annotations

import math
from typing import Any

import jax
from jax.extend import core

from ...core.typing import Batch
from .._step._learner import Learner
from .._step._partition import merge
from .._step._state import TrainState, example_of
from .._step._train_step import loss_and_extras


def kept_bytes(trainer: Learner, state: TrainState, batch: Batch) -> int:
    """The bytes of the values that the backward pass needs beside weights and batch, as the trace of the step says it.

    XLA may keep fewer (it joins operations, and computes cheap ones again) and needs room to work in.

    Args:
        trainer: the trainer.
        state: the shapes of a state.
        batch: the shapes of a batch.
    """
    partition = trainer.partition(example_of(state, batch[0]))
    moving, resting = partition.split(state.params)

    def linearised(moving, resting, state, batch):  # type: ignore[no-untyped-def]
        rng = jax.random.fold_in(state.rng, state.step)
        # a function that `jax.vjp` returns is a pytree, whose leaves are what the backward pass takes
        return jax.vjp(lambda w: loss_and_extras(trainer, merge(w, resting), state, batch, rng)[0], moving)[1]

    jaxpr = jax.make_jaxpr(linearised)(moving, resting, state, batch).jaxpr
    kept = {v for v in jaxpr.outvars if isinstance(v, core.Var)} - set(jaxpr.invars)
    return sum(_bytes(v.aval) for v in kept)


def _bytes(aval: Any) -> int:
    return math.prod(aval.shape) * int(aval.dtype.itemsize)
