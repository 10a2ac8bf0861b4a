"""Ctrl-C and SIGTERM between steps: a run that is interrupted hands back, or saves, a whole state."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import jax
from jax.experimental import multihost_utils

from .._step._breakable import patience_of
from ..distribution._agreement import Agreement


class Interruptible:
    """While active, Ctrl-C waits for the step that runs; a second one waits for nothing but that.

    A step gives its old state's memory to the new one, so an exception between the two would leave neither.

    Where several processes make the steps, all of them stop after the same one, whichever was told to: where the state
    is whole they tell each other of signals, and hear of them a dispatch later. `jax.distributed` watches for
    SIGTERM, and for what else says that a machine is to be taken away.

    Args:
        terminations: whether SIGTERM, too, waits for the step; for a run that is saved before the process ends.
        together: whether several processes make the steps.

    Attributes:
        count: how many signals came to this process.
        broken: whether one ended what it found running, so that the data may be anywhere within a batch.
        agreed: whether all processes stop at the same step.

    >>> with Interruptible() as stop:
    ...     stop.check()
    """

    def __init__(self, terminations: bool = False, together: bool = False) -> None:
        self.count, self.broken, self.terminated = 0, False, False
        self.agreement, self.agreed, self.looks = Agreement() if together else None, False, 0
        self.watched = together and bool(jax.config.jax_enable_preemption_service)
        terminations = (terminations or together) and not self.watched
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
        if patience is not None and self.agreement is not None:
            patience = max(2, patience)  # the others would wait for what this process was about to do with them
        if patience is not None and self.count >= patience:
            self.broken = self.broken or patience > 1
            raise KeyboardInterrupt

    @property
    def asked(self) -> bool:
        """Whether a signal came that this process may follow by itself."""
        return self.count > 0 and self.agreement is None

    def check(self, at_end: bool = False) -> None:
        """Raise `KeyboardInterrupt` if a signal came; called where the state is whole.

        Args:
            at_end: whether nothing is under way: then several processes do not put off what they have to say.
        """
        if self.agreement is None:
            self.agreed = self.count > 0
        else:
            self._agree(self.agreement, 0 if at_end else 1)
        if self.agreed:
            raise KeyboardInterrupt

    def _agree(self, agreement: Agreement, later: int) -> None:
        self.looks += 1
        # true in all processes at the same look, if one of them was given notice
        notice = self.watched and multihost_utils.reached_preemption_sync_point(self.looks)
        agreement.tell([self.count, self.terminated])
        while len(agreement.told) > later:
            said = agreement.hear()
            self.agreed = self.agreed or bool(said.any())
            self.terminated = self.terminated or bool(said[:, 1].any())
        self.agreed, self.terminated = self.agreed or notice, self.terminated or notice

    def leave_if_terminated(self) -> None:
        """End the process, as SIGTERM asked; called when all is saved."""
        if self.terminated:
            raise SystemExit(128 + signal.SIGTERM)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
