"""The time at a source, which is what its windows are about, and waiting by it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from ringback.records.values import to_milliseconds

_UNSURE = timedelta(minutes=5)
"""By how much the clock of this machine may be ahead of that of a source that has not told its time."""


class Stopped(Exception):
    """The collector was told to stop."""


class Time(Protocol):
    """The time of this machine. Seconds are those of the source, which differ for test clouds only.

    Attributes:
        speed: seconds of the source in one second of this machine.
    """

    speed: float

    def now(self) -> datetime:
        """The time of day, aware."""

    def timer(self) -> float:
        """Seconds on a clock that is never set back."""

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return when so many seconds have passed, or when `stop` is set."""


class MachineTime:
    """The real time.

    Args:
        speed: seconds of the source in one second of this machine.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    def now(self) -> datetime:
        """The time of day."""
        return datetime.now(UTC)

    def timer(self) -> float:
        """Seconds of the source, from any beginning."""
        return time.monotonic() * self.speed

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait."""
        stop.wait(max(0.0, seconds) / self.speed)


class SourceClock:
    """What time it is at the source: never later than it really is there, as far as its answers tell.

    The header Date of each answer sets it; between answers, the timer of this machine carries it on. As long as there
    was no answer with a Date, it is the clock of this machine, put back a little.
    """

    def __init__(self, machine: Time) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._seen: tuple[float, int] | None = None

    @property
    def known(self) -> bool:
        """Whether the source has told its time."""
        return self._seen is not None

    def observe(self, date: str | None) -> None:
        """Learn from the header Date of an answer that came just now. Without a date in it nothing is learned."""
        try:
            moment = parsedate_to_datetime(date or "")
        except ValueError:
            return
        # A Date has whole seconds, cut off, and is older than the answer: both make the clock late, never early.
        seen = self._machine.timer(), to_milliseconds(moment.replace(tzinfo=moment.tzinfo or UTC))
        with self._lock:
            self._seen = seen

    def now(self) -> int:
        """Milliseconds since 1970."""
        with self._lock:
            seen = self._seen
        if seen is None:
            return to_milliseconds(self._machine.now() - _UNSURE)
        timer, moment = seen
        return moment + int((self._machine.timer() - timer) * 1000)
