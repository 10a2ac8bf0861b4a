"""Driver: how the steps of an epoch are dispatched."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from .._batches._sources import Position
from .._step._state import TrainState
from ._interrupt import Interruptible

#: The last state that steps led to, the logs of the last step, and how many were made.
Reached: TypeAlias = tuple[Any, dict[str, Any] | None, int]


class Driver(Protocol):
    """Makes the steps of an epoch: many in a dispatch over arrays on the device, stacked, or one by one.

    Attributes:
        reached: what the last `advance` came to, also where an exception ended it. A state whose memory a step may
            have taken is never there.
        step: the compiled step, `(argument(state), batch) -> (argument(state), logs)`.
    """

    reached: Reached
    step: Any

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""

    def argument(self, state: TrainState) -> Any:
        """What the step takes for a state."""

    def advance(self, state: TrainState, count: int, interruption: Interruptible) -> None:
        """Make at most `count` steps from a state, and set `reached`."""


class AroundDriver:
    """A driver that makes its steps by another one; what differs is in `advance`.

    Args:
        driver: what dispatches the steps.
    """

    step: Any
    reached: Reached

    def __init__(self, driver: Driver) -> None:
        self.driver, self.reached = driver, (None, None, 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)

    def begin(self, where: Position, skip: int) -> None:
        """Begin an epoch, after so many of its batches."""
        self.driver.begin(where, skip)

    def argument(self, state: TrainState) -> Any:
        """What the step takes for a state."""
        return self.driver.argument(state)
