"""Whether many members run as one program or one after the other, and how many fit the device at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Literal

import jax
import numpy as np

from ...core import explain
from ...core.typing import Batch, PyTree
from .._step._learner import Learner, Program
from .._step._many_steps import one_step
from .._step._state import TrainState
from ._device_memory import nbytes, on_cpu
from ._member_drivers import OneAfterAnother, Together
from ._step_inspection import calls_back, holds_a_convolution

How = Literal["vmap", "loop"]

# A member's state and batch of so few bytes take less time than what lies around each operation of their step, which
# one program of all members has once.
_TINY = 2**15
# A second program is compiled, to be measured, where the run takes so many times as long as compiling the first did.
_WORTH = 20
# One program has to be faster by so much: a clock errs, and members one after another are their solo runs to the bit.
_CLEARLY = 0.9
# Seconds that a measurement takes at least, so that the clock says something.
_LONG = 0.02
# How much of a device's memory a group of members may take.
_SHARE = 0.9
# Bytes of which it is not asked what a program needs, as a share of the memory.
_LITTLE = 0.05


def check_how(vectorize: object) -> None:
    """Refuse what says nothing.

    Raises:
        ValueError: neither a boolean nor `"auto"`.
    """
    if not isinstance(vectorize, bool | np.bool_) and vectorize != "auto":
        raise ValueError(
            explain(
                "vectorize is True for one program of all members, False for one member after another, or 'auto'.",
                received=repr(vectorize)[:80],
                write='vectorize="auto"',
            )
        )


def known(trainer: Learner, vectorize: bool | str, count: int, state: TrainState, batch: Batch) -> How | None:
    """How members run, where it is known without a measurement.

    On accelerators it is one program. On a CPU it is one for tiny steps; not where there is a convolution, whose
    gradient is slow there over an axis of members and inside a loop. A step that calls a function in Python, as a
    metric of scikit-learn's does, is made by one member after the other: that function takes the arrays of one.

    Args:
        trainer: the trainer.
        vectorize: what was asked for.
        count: how many members there are.
        state: a state of one member, and
        batch: a batch of it, or their shapes.
    """
    if vectorize != "auto":
        return "vmap" if vectorize else "loop"
    if trainer.run_eagerly or (count == 1 and trainer.distribution is None):
        return "loop"
    if trainer.distribution is None and calls_back(trainer, one_step(trainer, donate=False), state, batch):
        return "loop"
    if trainer.distribution is not None or not on_cpu():
        return "vmap"
    if holds_a_convolution(trainer, state, batch):
        return "loop"
    return "vmap" if nbytes((state.params, state.opt_state)) + nbytes(batch) <= _TINY else None


def measured(
    loop: Callable[[], OneAfterAnother], together: Callable[[], Together],
    begin: Callable[[OneAfterAnother | Together], None], steps: int, count: int,
) -> tuple[How, OneAfterAnother | Together]:  # fmt: skip
    """How members run faster, and the driver of it; its programs are those of the run.

    First a few steps of one member are timed. Only where the whole run takes much longer than compiling does a second
    program pay, and is measured beside it.

    Args:
        loop, together: make the drivers.
        begin: begins the first epoch of a driver, from its first states.
        steps: how many steps of each member the run has.
        count: how many members there are.
    """
    singly = loop()
    begin(singly)
    began = time.perf_counter()
    only = np.arange(count) == 0
    jax.block_until_ready(singly.advance(0, 1, only)[1])
    compiling = time.perf_counter() - began
    each = _seconds(singly, only) * count
    if each * steps < _WORTH * compiling:
        return "loop", singly
    at_once = together()
    begin(at_once)
    every = np.ones(count, bool)
    jax.block_until_ready(at_once.advance(0, 1, every)[1])
    return ("vmap", at_once) if _seconds(at_once, every) < _CLEARLY * each else ("loop", singly)


def _seconds(driver: OneAfterAnother | Together, active: np.ndarray) -> float:
    """Seconds a step, of at least as many steps as take a while."""
    count = 4
    while True:
        began = time.perf_counter()
        made, logs = driver.advance(0, count, active)
        jax.block_until_ready(logs)
        seconds = time.perf_counter() - began
        if seconds > _LONG or made < count or made == 1:
            return seconds / made
        count *= 4


def members_at_once(count: int, asked: int | None, small: bool, need: Callable[[int], int], limit: int) -> int:
    """How many members are in one program.

    Args:
        count: how many there are.
        asked: how many at most were asked for.
        small: whether they certainly fit.
        need: the bytes that the compiled program of so many members takes.
        limit: the bytes that there are.

    Raises:
        ValueError: not one of them fits.

    >>> members_at_once(32, None, False, lambda n: n * 100 + 50, 1000), members_at_once(6, 4, True, None, 0)
    (8, 4)
    """
    size = min(count, asked or count)
    while not small and need(size) > limit * _SHARE:
        if size == 1:
            raise ValueError(
                explain(
                    "Not even one member fits the device.",
                    received=f"{need(1)} bytes for one; the device has {limit}",
                    write="a smaller batch_size, or accumulate_in_step=4 in compile",
                )
            )
        size = -(-size // 2)
    return size


def memory_of_device() -> int:
    """The bytes of the device that steps run on; of a CPU those of the machine."""
    if not on_cpu():
        return int((jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 2**34))
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # pragma: no cover - a system that does not say
        return 2**34


def is_little(count: int, state: TrainState, data: PyTree, limit: int) -> bool:
    """Whether so many members take a small part of the memory, so that no program has to be asked.

    What a step keeps for its backward pass is not known before it is compiled; it is taken for a multiple of the state.
    """
    return count * nbytes(state) * 8 + nbytes(data) <= limit * _LITTLE


def bytes_of(driver: Together, states: TrainState, rows: int) -> int:
    """What the compiled program of a driver takes, by its own account."""
    run: Program = driver.run  # type: ignore[assignment]
    size = min(driver.size, rows)
    bounds, order = jax.ShapeDtypeStruct((2,), np.int32), jax.ShapeDtypeStruct((len(states.step), rows), np.int32)
    active = jax.ShapeDtypeStruct((len(states.step),), bool)
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), a.dtype), states)
    found: PyTree = (
        run.lower(shapes, driver.data, order, bounds, active, size, driver.unrolled).compile().memory_analysis()
    )
    return int(
        found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes - found.alias_size_in_bytes
    )
