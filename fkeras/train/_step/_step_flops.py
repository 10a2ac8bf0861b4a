"""How many floating-point operations a step takes."""

from __future__ import annotations

import jax

from ...core import traced_cost
from ...core.typing import Batch
from ._learner import Learner
from ._many_steps import one_step
from ._state import TrainState


def step_flops(trainer: Learner, state: TrainState, batch: Batch) -> float:
    """The operations of a step on all devices together, by XLA's analysis, each loop as often as it runs.

    Args:
        trainer: the trainer.
        state, batch: what the step takes, or its shapes.
    """
    plain = trainer.replace(distribution=None, run_eagerly=False)
    shapes = jax.eval_shape(lambda *trees: trees, state, batch)
    return traced_cost(one_step(plain, True).trace(*shapes)).flops
