"""Ctrl-C and SIGTERM between steps: a run that is interrupted hands back, or saves, a whole state."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from .._step._breakable import patience_of


class Interruptible:
    """While active, Ctrl-C waits for the step that runs; a second one waits for nothing but that.

    A step gives its old state's memory to the new one, so an exception between the two would leave neither.

    Args:
        terminations: whether SIGTERM, too, waits for the step; for a run that is saved before the process ends.

    Attributes:
        count: how many signals came.
        broken: whether one ended what it found running, so that the data may be anywhere within a batch.

    >>> with Interruptible() as stop:
    ...     stop.check()
    """

    def __init__(self, terminations: bool = False) -> None:
        self.count, self.broken, self.terminated = 0, False, False
        self._signals = (signal.SIGINT, signal.SIGTERM) if terminations else (signal.SIGINT,)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptible:
        if threading.current_thread() is threading.main_thread():  # signals reach no other thread
            for number in self._signals:
                before = signal.getsignal(number)
                # another handler is the program's own way to deal with the signal
                if before in (signal.default_int_handler, signal.SIG_DFL):
                    signal.signal(number, self._note)
                    self._before[number] = before
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.terminated = self.terminated or number == signal.SIGTERM
        patience = patience_of(frame)
        if patience is not None and self.count >= patience:
            self.broken = self.broken or patience > 1
            raise KeyboardInterrupt

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self.count > 0

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if a signal came; called where the state is whole."""
        if self.count:
            raise KeyboardInterrupt

    def leave_if_terminated(self) -> None:
        """End the process, as SIGTERM asked; called when all is saved."""
        if self.terminated:
            raise SystemExit(128 + signal.SIGTERM)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
