"""Several processes, each with devices of its own, that make one run together."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ...core import explain
from ...core.typing import PyTree


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    heartbeat_timeout_seconds: int = 30,
    **options: Any,
) -> None:
    """Join the processes of a run; to be called first in each of them, before any array is made.

    Args:
        job_addresses: the address of process 0, `"10.0.0.1:1234"`, or those of all processes, separated by commas, of
            which the first one counts. On Cloud TPUs, Slurm and Open MPI it is found without.
        num_processes: how many processes there are.
        process_id: which of them this is, from 0.
        heartbeat_timeout_seconds: after how many seconds without a sign of life a process counts as dead. The others
            then end, with an error that names it, and are to be started again: `fit(..., checkpoint=)` goes on.
        **options: what else `jax.distributed.initialize` takes.

    Raises:
        RuntimeError: it was called before, or after JAX had looked for devices.
        ValueError: a part of the three without the others.

    >>> import fkeras as fk
    >>> fk.distribution.initialize("10.0.0.1:1234")
    Traceback (most recent call last):
    ...
    ValueError: Processes are joined by an address, their number, and the number of this one.
      Received: job_addresses='10.0.0.1:1234', num_processes=None, process_id=None
      Write:    fk.distribution.initialize("10.0.0.1:1234", num_processes=2, process_id=0)

    As in Keras the first three are read from the environment where they are not given:
    `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `KERAS_DISTRIBUTION_NUM_PROCESSES`, `KERAS_DISTRIBUTION_PROCESS_ID`.

    Reference: https://keras.io/api/distribution/distribution_utils/
    https://docs.jax.dev/en/latest/multi_process.html
    """
    job_addresses = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    num_processes = _number(num_processes, "KERAS_DISTRIBUTION_NUM_PROCESSES")
    process_id = _number(process_id, "KERAS_DISTRIBUTION_PROCESS_ID")
    given = {"job_addresses": job_addresses, "num_processes": num_processes, "process_id": process_id}
    if job_addresses is not None and (num_processes is None or process_id is None):
        raise ValueError(
            explain(
                "Processes are joined by an address, their number, and the number of this one.",
                received=", ".join(f"{name}={value!r}" for name, value in given.items()),
                write='fk.distribution.initialize("10.0.0.1:1234", num_processes=2, process_id=0)',
            )
        )
    jax.distributed.initialize(
        None if job_addresses is None else job_addresses.split(",")[0].strip(),
        num_processes,
        process_id,
        heartbeat_timeout_seconds=heartbeat_timeout_seconds,
        **options,
    )


def check_same_everywhere(batch: PyTree) -> None:
    """Refuse data that are not the same in each process.

    Args:
        batch: a batch of them, arrays on the host.

    Raises:
        ValueError: naming the processes.
    """
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
        if not isinstance(leaf, jax.Array):  # an array of JAX on all devices is the same by itself
            digest.update(f"{path}{np.shape(leaf)}{np.asarray(leaf).dtype}".encode())
            digest.update(np.ascontiguousarray(leaf).tobytes())
    mine = np.frombuffer(digest.digest()[:8], np.uint32)
    found = np.asarray(multihost_utils.process_allgather(mine)).reshape(-1, 2)
    others = [i for i, one in enumerate(found) if not np.array_equal(one, found[0])]
    if others:
        raise ValueError(
            explain(
                "Each process of a run has to be given the same data, of which it takes its part.",
                received=f"other first batches in process {', '.join(map(str, others))} than in process 0",
                usually="data that were cut for each process, or shuffled with a seed of the process.",
                write="the whole data in each process, in one order",
            )
        )


def _number(given: int | None, variable: str) -> int | None:
    """A number as it was given, or as the environment has it."""
    said = os.environ.get(variable)
    return int(said) if given is None and said else given


def several_processes() -> bool:
    """Whether several processes make one run."""
    return jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this process is the one that prints, and writes what one can: the first, or the only one."""
    return not several_processes() or jax.process_index() == 0
