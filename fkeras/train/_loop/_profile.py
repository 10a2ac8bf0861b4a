"""Profiles of a run: `jax.profiler` traces of the steps that were asked for, each with its number."""

from __future__ import annotations

import contextlib
import itertools
import os
import warnings
from collections.abc import Sequence
from typing import Any

import jax

from ...core import check_room, explain
from ...core.typing import FilePath
from .._step._state import TrainState
from ..callbacks import Callback, TensorBoard
from ..callbacks._profile_range import profile_range
from ._driver import AroundDriver, Driver
from ._interrupt import Interruptible
from ._on_device import OnDevice


class Profile:
    """A trace of some steps of a run, and how far it has come.

    Args:
        first: the first step's number in the run, from 1.
        last: the last step's.
        directory: where `plugins/profile/<time>/` is made.
        name: the argument that asked for it.

    Attributes:
        began: the first step that is in the trace, 0 before it.
        made: how many steps are in it.
        reached: what they have led to, which the device is waited for.
        over: whether it was written, or never will be.
    """

    def __init__(self, first: int, last: int, directory: FilePath, name: str) -> None:
        self.first, self.last, self.directory, self.name = first, last, os.fspath(directory), name
        self.began, self.made, self.over = 0, 0, False
        self.reached: Any = None

    def start(self, step: int, state: TrainState) -> None:
        """Begin the trace, when the device has nothing else to do.

        Raises:
            RuntimeError: another profiler is active.
        """
        jax.block_until_ready(state)
        try:
            jax.profiler.start_trace(self.directory)
        except RuntimeError as error:
            self.over = True
            raise RuntimeError(
                explain(
                    f"The profile of steps {self.first} to {self.last} cannot begin.",
                    received=f"{type(error).__name__}: {error}",
                    usually="another profiler is active in this process, such as jax.profiler.trace around fit.",
                    write=f"jax.profiler.stop_trace() before fit, or fit(...) without {self.name}=",
                )
            ) from error
        self.began = step

    def stop(self) -> None:
        """Write the trace, when the device has made what it is of; say so where that is less than was asked for.

        A disk that is full ends no run: it is a warning.
        """
        if self.over:
            return
        self.over = True
        asked = f"the profile of steps {self.first} to {self.last} of the run"
        if not self.began:
            _warn(
                f"Nothing was profiled: {asked} was asked for, and this call made none of them.",
                "the run is shorter, or went on from a later step.",
                f"{self.name}=(2, 4)",
            )
            return
        with contextlib.suppress(Exception):  # a step that failed is the run's error, not the profile's
            jax.block_until_ready(self.reached)
        self.reached = None
        try:
            jax.profiler.stop_trace()
        except Exception as error:  # what the profiler and the disk report has many types
            _warn(
                f"{asked.capitalize()} was not written: {type(error).__name__}: {error}",
                "the disk is full, or the trace was stopped by something else.",
                f"another {'log_dir' if self.name == 'profile_batch' else 'profile_dir'}",
            )
            return
        if self.made < self.last - self.first + 1:
            _warn(
                f"{asked.capitalize()} in {self.directory!r} covers {self.made} of them, from step {self.began} on.",
                "the run ended before its last step, or went on within them.",
                f"{self.name}=(2, 4)",
            )


def _warn(what: str, usually: str, write: str, level: int = 6) -> None:
    """A warning at the line that called `fit`; by default from the run's end."""
    warnings.warn(explain(what, usually=usually, write=write), RuntimeWarning, stacklevel=level)


def profiles_of(profile: Any, profile_dir: Any, callbacks: Sequence[Callback]) -> list[Profile]:
    """The profiles that `fit` and its callbacks ask for, the first one first.

    Args:
        profile, profile_dir: those of `fit`.
        callbacks: the callbacks; a `TensorBoard` has its `profile_batch`.

    Raises:
        TypeError, ValueError, OSError: no range of steps, no directory, or steps that two of them ask for.
    """
    found = []
    wanted = profile_range("profile", profile)
    if wanted and profile_dir is None:
        raise ValueError(
            explain(
                "A profile needs a directory.",
                received=f"profile={profile!r}, and no profile_dir=",
                write=f'fit(..., profile={profile!r}, profile_dir="logs")   # then: tensorboard --logdir logs',
            )
        )
    if wanted:
        found.append(Profile(*wanted, check_room(profile_dir, "profile_dir", directory=True), "profile"))
    elif profile is None and profile_dir is not None:
        _warn(
            f"profile_dir={profile_dir!r} says nothing without profile=.",
            "the steps were forgotten.",
            f"profile=(10, 15), profile_dir={profile_dir!r}",
            level=5,
        )
    for board in callbacks:
        if isinstance(board, TensorBoard) and board.profile_steps:
            place = os.path.join(board.log_dir, "train")
            found.append(
                Profile(*board.profile_steps, check_room(place, "TensorBoard", directory=True), "profile_batch")
            )
    found.sort(key=lambda p: p.first)
    for one, other in itertools.pairwise(found):
        if other.first <= one.last:
            raise ValueError(
                explain(
                    "Two profiles cannot be of the same steps: JAX has one profiler.",
                    received=", ".join(f"{p.name}=({p.first}, {p.last})" for p in (one, other)),
                    usually="fit(profile=...) and TensorBoard(profile_batch=...) were both given.",
                    write="one of the two",
                )
            )
    return found


class Profiled(AroundDriver):
    """A driver whose dispatches end where a profile begins, and which makes the steps of a profile one by one.

    Each step is made by the program that makes it without a profile, whose bounds are numbers in its input, so that the
    numbers of a run are the same to the bit. Steps that this program makes in a row, wanted or not, stay together: such
    a row, of eight small steps on an accelerator, is one event with its first step's number. See `over_steps`.

    Args:
        driver: what dispatches the steps.
        profiles: what is profiled, in the order of the steps.
        total: how many steps of the run were made before.
    """

    def __init__(self, driver: Driver, profiles: Sequence[Profile], total: int) -> None:
        super().__init__(driver)
        self.total = total
        self.due = [profile for profile in profiles if profile.last > total]

    def advance(self, state: TrainState, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state."""
        self.reached = state, None, 0
        while (made := self.reached[2]) < count and not (made and interruption.asked):
            profile, left = self.due[0] if self.due else None, count - made
            before = profile.first - 1 - self.total if profile else 0
            wanted = min(left, before) if before > 0 else left
            if profile is None or before > 0:
                self._advance(wanted, interruption)
            else:
                wanted = min(left, profile.last - self.total, in_a_row(self.driver))
                self._traced(profile, wanted, interruption)
            if self.reached[2] - made < wanted:
                break

    def _traced(self, profile: Profile, count: int, interruption: Interruptible) -> None:
        """Steps of a profile, as one event of its trace."""
        if not profile.began:
            profile.start(self.total + 1, self.reached[0])
        before = self.total
        try:
            with jax.profiler.StepTraceAnnotation("train", step_num=before + 1):
                self._advance(count, interruption)
        finally:
            profile.made, profile.reached = profile.made + self.total - before, self.reached[:2]
        if self.total >= profile.last:
            self.due.pop(0)
            profile.stop()

    def _advance(self, count: int, interruption: Interruptible) -> None:
        state, logs, made = self.reached
        try:
            self.driver.advance(state, count, interruption)
        finally:
            state, shown, more = self.driver.reached
            self.reached, self.total = (state, logs if shown is None else shown, made + more), self.total + more


def in_a_row(driver: Driver) -> int:
    """How many steps are left of those that a driver's program makes in a row at its place; mostly 1."""
    if not isinstance(driver, OnDevice) or not driver.unrolled:
        return 1
    _, place = driver.source.locate(driver.where, driver.place)
    return driver.unrolled - place % driver.unrolled
