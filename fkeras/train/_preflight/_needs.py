"""What the program of a step needs, as the compiler says it."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jax

from ...core.typing import Batch
from .._batches._arrays import ArrayData
from .._batches._prefetch import DEPTH
from .._loop._device_memory import depth_for, nbytes
from .._lower import lower_fit, shapes_of_a_run
from .._step._learner import Learner


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a run's step takes on each device, in bytes.

    Attributes:
        arguments: state and data that the program is given.
        outputs: what it returns.
        aliased: of the outputs, what takes the place of an argument.
        temporaries: activations, gradients and room to work in.
        code: the program itself, where it is on the device.
        kept: the caller's own state, of which `fit` trains a copy.
        ahead: batches that wait on the device for their step.
        seconds: how long it took to compile.
    """

    arguments: int
    outputs: int
    aliased: int
    temporaries: int
    code: int
    kept: int
    ahead: int
    seconds: float

    @property
    def peak(self) -> int:
        """What the program has at once: `arguments + outputs - aliased + temporaries + code`."""
        return self.arguments + self.outputs - self.aliased + self.temporaries + self.code

    @property
    def total(self) -> int:
        """What the run has at once."""
        return self.peak + self.kept + self.ahead


def needs_of(trainer: Learner, batch: Batch, rows: int | None, donate: bool) -> Needs:
    """Compile the step that `fit` runs for a batch of these shapes, and ask what it needs.

    Args:
        trainer: the trainer.
        batch: the shapes of a batch.
        rows: how many rows the run's arrays have, or `None` for a stream.
        donate: whether the run gives its state away.
    """
    state, source = shapes_of_a_run(trainer, batch, rows, None)
    begun = time.perf_counter()
    program = lower_fit(trainer, state, source, rows is None)["fit"].compile()
    seconds = time.perf_counter() - begun
    found: Any = program.memory_analysis()
    # the same bytes on each device, whichever of them the layout gives a leaf to
    held = 0 if donate else state_bytes(trainer, state)
    data: ArrayData = source.data
    ahead = depth_for(trainer, DEPTH) * nbytes(data.spec(data.batch_size)) if rows is None else 0
    return Needs(
        arguments=found.argument_size_in_bytes,
        outputs=found.output_size_in_bytes,
        aliased=found.alias_size_in_bytes,
        temporaries=found.temp_size_in_bytes,
        code=found.generated_code_size_in_bytes,
        kept=held,
        ahead=ahead,
        seconds=seconds,
    )


def state_bytes(trainer: Learner, state: object) -> int:
    """The bytes of a state, or of a part of one, on each device."""
    where = trainer.distribution
    if where is None:
        return nbytes(state)
    parts = jax.tree.map(lambda leaf, s: jax.ShapeDtypeStruct(s.shard_shape(leaf.shape), leaf.dtype), state,
                         where.shardings(state))  # fmt: skip
    return nbytes(parts)
