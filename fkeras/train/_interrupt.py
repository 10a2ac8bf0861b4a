"""Ctrl-C between steps: a run that is interrupted hands back a whole state."""

from __future__ import annotations

import signal
import threading
from types import TracebackType
from typing import Any


class Interruptible:
    """While active, the first Ctrl-C waits for the step that runs; a second one does not.

    A step gives its old state's memory to the new one, so an exception between the two would leave neither.

    >>> with Interruptible() as stop:
    ...     stop.check()
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> Interruptible:
        if threading.current_thread() is threading.main_thread():  # signals reach no other thread
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._note)
            else:
                self._before = None  # the program handles Ctrl-C itself
        return self

    def _note(self, number: int, frame: Any) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if Ctrl-C was pressed; called where the state is whole."""
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
