"""find_batch_size: the largest batch that fits, by what the compiler says and by a trial."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import jax
import numpy as np

from ...core import explain
from ...core.typing import Batch, PyTree
from .._batches._given_data import training_source
from .._batches._sources import Arrays
from .._loop._device_memory import on_cpu
from .._loop._run_arguments import check_counts, named
from .._preflight._byte_counts import as_bytes
from .._preflight._preflight import preflight
from .._step._batch import rows as rows_of
from .._step._private_copy import private
from .._step._state import TrainState, check_state

if TYPE_CHECKING:
    from .._trainer import Trainer

# The part of a device's memory that a run may have: the rest is for what other programs on it allocate.
_PART = 0.9
# The same of what a machine has free, which its other processes share.
_PART_OF_HOST = 0.7
# By what a batch shrinks that did not fit after all.
_SHRINK = 0.8


@named
def find_batch_size(
    trainer: Trainer,
    state: TrainState,
    x: PyTree,
    y: PyTree = None,
    *,
    sample_weight: PyTree = None,
    memory: int | float | str | None = None,
    multiple_of: int = 1,
    largest: int | None = None,
) -> int:
    """The largest batch with which the trainer's step fits the memory of a device.

    The compiler says what the step of a batch needs (`trainer.preflight`), so nothing is run that could not fit. On an
    accelerator the step is then made once, and where the device has less room than the compiler counted on, the batch
    shrinks. On a CPU nothing is tried: a process that asks for more memory than there is is killed, not told.

    Args:
        trainer: the trainer.
        state: a state, which stays as it is.
        x, y, sample_weight: one batch of any number of rows, or all arrays; or `x` alone, something that yields
            batches, of which the first one is drawn. How many rows are given is no bound: `largest=len(x)` is one.
        memory: what a device has, `"16GB"` or a number of bytes; by default nine tenths of what the device says, and on
            a CPU seven tenths of what the machine has free.
        multiple_of: the batch is a multiple of this number of rows, where it can be.
        largest: the largest batch that is of interest.

    Returns:
        The number of rows.

    Raises:
        ValueError: not even one row fits; a device that does not say what it has.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((100,)), fk.nn.Dense(10)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 100), "float32"), np.ones((8, 10), "float32")
    >>> trainer.find_batch_size(trainer.init(0), x, y, memory="100MB", largest=4096, multiple_of=8)
    4096

    Keras has none.
    """
    check_state(state, "find_batch_size", "state, x, y", (x, y))
    check_counts(multiple_of=multiple_of, largest=largest)
    source, _ = training_source(trainer, state, x, y, sample_weight, None, None, 0.0, None)
    if not isinstance(source, Arrays):
        x, y, sample_weight = source.sample()
    limit = _memory() if memory is None else as_bytes(memory)
    size = 0
    if largest is not None:
        report = preflight(trainer, x, y, sample_weight, batch_size=largest)
        size = largest if report.total_bytes <= (limit or 0) else 0
    if not size:
        size = preflight(trainer, x, y, sample_weight, batch_size=None, memory=limit).largest_batch_size or 0
        size = min(size, largest or size)
    if size < 1:
        raise ValueError(
            explain(
                "Not even a batch of one row fits.",
                received=f"memory={limit!r}",
                usually="the weights and the optimizer's slots alone take more.",
                write='trainer.preflight(batch_size=32, memory="16GB"), which says what takes how much',
            )
        )
    if not on_cpu():
        size = _that_runs(trainer, state, (x, y, sample_weight), size)
    return size // multiple_of * multiple_of or size


def _memory() -> int:
    """What a run may have, in bytes."""
    if on_cpu():
        pages = os.sysconf("SC_AVPHYS_PAGES") if "SC_AVPHYS_PAGES" in os.sysconf_names else 0
        if pages > 0:
            return int(pages * os.sysconf("SC_PAGE_SIZE") * _PART_OF_HOST)
    found = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    if found is None:
        raise ValueError(
            explain(
                f"{jax.local_devices()[0]} does not say how much memory it has.",
                write='trainer.find_batch_size(state, x, y, memory="16GB")',
            )
        )
    return int(found * _PART)


def _that_runs(trainer: Trainer, state: TrainState, batch: Batch, size: int) -> int:
    """The first size, from one downwards, whose step the device makes."""
    while size >= 1:
        try:
            _make_step(trainer, state, _of_size(batch, size))
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            size = int(size * _SHRINK)
        else:
            return size
    raise ValueError(
        explain("Not even a batch of one row fits the device.", received=f"{rows_of(batch[0])} rows given")
    )


def _make_step(trainer: Trainer, state: TrainState, batch: Batch) -> None:
    jax.block_until_ready(trainer.train_step(private(state), batch))


def _of_size(batch: Batch, size: int) -> Batch:
    """A batch of so many rows, those of another one over and over."""
    filled: Batch = jax.tree.map(lambda leaf: np.resize(leaf, (size, *np.shape(leaf)[1:])), batch)
    return filled
