"""Which driver suits a source of batches and a step."""

from __future__ import annotations

import jax
import numpy as np

from .._batches._sources import Arrays, Stream
from .._step._learner import Learner
from .._step._many_steps import one_step
from .._step._state import TrainState
from ._device_memory import depth_for
from ._driver import Driver
from ._on_device import OnDevice, runs_on_device
from ._one_by_one import OneByOne
from ._stacked import Stacked
from ._step_inspection import calls_back, steps_in_a_row
from ._stretches import stretch_for


def driver_for(
    trainer: Learner,
    source: Arrays | Stream,
    state: TrainState,
    seed: np.ndarray | None,
    donate: bool,
    prefetch: int = 0,
) -> Driver:
    """The driver that suits a source and a step."""
    # what JAX finds in a debugged step it raises when the step has run, and taken the memory of the state
    donate = donate and not (jax.config.jax_debug_nans or jax.config.jax_debug_infs)
    step = one_step(trainer, donate)
    if trainer.run_eagerly:
        return OneByOne(step, source, seed)
    if isinstance(source, Arrays) and runs_on_device(trainer, source, step, state):
        batch = source.data.spec(source.data.batch_size)
        careful, unrolled = calls_back(trainer, step, state, batch), steps_in_a_row(trainer, step, state, batch)
        return OnDevice(trainer, source, seed, donate, careful, unrolled, stretch_for(source))
    return Stacked(trainer, source, seed, donate, depth_for(trainer, prefetch))
