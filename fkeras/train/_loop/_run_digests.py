"""The digests of a run's states, every so many steps."""

from __future__ import annotations

from .._step._digest import digest
from ..callbacks import Digests, History
from ._run_backup import Run


class RunDigests:
    """Notes digests in a run's history, as a `Digests` says.

    Args:
        asked: what the user asked for.
    """

    def __init__(self, asked: Digests) -> None:
        self.every = asked.every

    def until_due(self, total: int) -> int:
        """How many steps may be made before one whose state is noted."""
        return self.every - total % self.every

    def note(self, run: Run) -> None:
        """Note the state where it is due; the numbers before it are on their way to the host since they were made."""
        if run.total % self.every == 0:
            fetch(run.history)
            run.history.digests[run.total] = digest(run.outcome)


def fetch(history: History) -> None:
    """Make numbers of Python of all digests, the last of which may be on the device."""
    history.digests = {step: int(number) for step, number in history.digests.items()}
