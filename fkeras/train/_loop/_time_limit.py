"""How long a run may take: `fit(max_time=…)`."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Mapping

from ...core import explain
from ..distribution._agreement import Agreement

#: What `max_time` may be.
Duration = str | datetime.timedelta | Mapping[str, float] | float

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d):(\d\d)")


def seconds_of(given: Duration) -> float:
    """The seconds of a duration.

    Args:
        given: seconds; `"hours:minutes:seconds"` or `"days:hours:minutes:seconds"`; a `datetime.timedelta`, or its
            arguments as a dict.

    Raises:
        ValueError: no duration, or one that has passed.

    >>> seconds_of("00:01:30"), seconds_of({"hours": 2}), seconds_of("1:00:00:00"), seconds_of(90)
    (90.0, 7200.0, 86400.0, 90.0)
    """
    seconds = None
    if isinstance(given, datetime.timedelta):
        seconds = given.total_seconds()
    elif isinstance(given, Mapping):
        try:
            seconds = datetime.timedelta(**given).total_seconds()
        except TypeError:
            seconds = None
    elif isinstance(given, str):
        clock = _CLOCK.fullmatch(given.strip())
        if clock:
            days, hours, minutes, rest = (int(part or 0) for part in clock.groups())
            seconds = float(((days * 24 + hours) * 60 + minutes) * 60 + rest)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        seconds = float(given)
    if seconds is None or not 0 < seconds < float("inf"):
        raise ValueError(
            explain(
                "max_time is how long the run may take.",
                received=repr(given),
                usually="minutes without hours: clock times have hours, minutes and seconds.",
                write='max_time="00:30:00", {"minutes": 30}, datetime.timedelta(minutes=30) or 1800 seconds',
            )
        )
    return seconds


class TimeLimit:
    """Says when a run has taken as long as it may.

    Args:
        seconds: how long, from now on.
        together: whether several processes make the steps: all of them then end after the same one, which is when one
            of them says so.

    >>> TimeLimit(3600.0).is_up()
    False
    """

    def __init__(self, seconds: float, together: bool = False) -> None:
        self.seconds, self._began = seconds, time.monotonic()
        self._agreement, self._agreed = Agreement() if together else None, False

    def is_up(self) -> bool:
        """Whether the time is up; several processes hear of each other a dispatch later, so that no device waits."""
        late = time.monotonic() - self._began >= self.seconds
        if self._agreement is None:
            return late
        self._agreement.tell([late])
        while len(self._agreement.told) > 1:
            self._agreed = self._agreed or bool(self._agreement.hear().any())
        return self._agreed
