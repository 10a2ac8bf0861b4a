"""What several processes that save one checkpoint together agree on: who writes, where, and whether it went well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax.experimental import multihost_utils

from ...core import explain
from ...train.distribution import is_first, several_processes

# No file has a longer name.
_LONGEST = 255


def first_alone(action: Callable[[], object]) -> None:
    """Let the first process do something, and wait for it in the others; what fails there is an error in all of them.

    Args:
        action: what the first process does; by itself, it takes part in nothing that all of them do.

    Raises:
        OSError: in the other processes, where the first one raised an error of its own.
    """
    if not several_processes():
        action()
        return
    fault: Exception | None = None
    if is_first():
        try:
            action()
        except Exception as error:
            fault = error
    failed = bool(multihost_utils.broadcast_one_to_all(np.asarray(fault is not None)))
    if fault is not None:
        raise fault
    if failed:
        raise OSError(
            explain(
                "Process 0 could not write what the processes save together.",
                received="an error in process 0, whose own message says more",
                usually="the disk is full, or cannot be written there.",
            )
        )


def said_by_first(name: str) -> str:
    """The name that the first process has for something, in all of them."""
    if not several_processes():
        return name
    text = np.zeros(_LONGEST, np.uint8)
    raw = np.frombuffer(name.encode(), np.uint8)
    text[: raw.size] = raw
    return bytes(np.asarray(multihost_utils.broadcast_one_to_all(text), np.uint8)).rstrip(b"\0").decode()
