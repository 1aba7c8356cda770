"""The clock of the simulated world: moved by hand, or running at any speed."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from ringback.simulator.clock import to_datetime, to_ms

NANOSECONDS = 1_000_000_000
_IN_A_MILLISECOND = 1_000_000


class Clock(Protocol):
    """What a good clock beside the cloud shows. The cloud's own one is this and its skew."""

    def nanoseconds(self) -> int:
        """Nanoseconds since 1970."""

    def now(self) -> datetime:
        """The time as an aware datetime, in whole milliseconds."""

    def timer(self) -> float:
        """Seconds of this clock's time since it was made, for measuring; never set back."""

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds of this clock's time have passed."""

    async def sleep_async(self, seconds: float) -> None:
        """The same, to be awaited."""

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call this after each step by hand; a running clock makes none."""


class _Reading(ABC):
    """What all clocks make of their nanoseconds."""

    _start: int

    @abstractmethod
    def nanoseconds(self) -> int:
        """Nanoseconds since 1970."""

    def now(self) -> datetime:
        """The time as an aware datetime, in whole milliseconds."""
        return to_datetime(self.nanoseconds() // _IN_A_MILLISECOND)

    def timer(self) -> float:
        """Seconds of this clock's time since it was made, for measuring; never set back."""
        # Not since 1970: a float of such size is wrong by a quarter of a microsecond, which an exact rate would notice.
        return (self.nanoseconds() - self._start) / NANOSECONDS


class ManualClock(_Reading):
    """Stands still until it is moved. Who sleeps by it moves it, so that tests wait for nothing. Safe for threads.

    Args:
        start: an aware datetime.
    """

    def __init__(self, start: datetime) -> None:
        self._start = self._now = to_ms(start) * _IN_A_MILLISECOND
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []

    def nanoseconds(self) -> int:
        """Nanoseconds since 1970."""
        return self._now

    def advance(self, span: timedelta | float) -> None:
        """Go on by a span, or by a number of seconds. Raises ValueError for less than nothing."""
        seconds = span.total_seconds() if isinstance(span, timedelta) else span
        if seconds < 0:
            raise ValueError(f"a clock is never set back; {seconds} seconds were asked for")
        with self._lock:
            self._now += round(seconds * NANOSECONDS)
        for watcher in self._watchers:
            watcher()

    def advance_to(self, moment: datetime) -> None:
        """Go on to a moment; nothing happens if it is past."""
        self.advance(max(timedelta(0), moment - self.now()))

    def sleep(self, seconds: float) -> None:
        """Advance; by no less than asked for, as real sleeping does, so in whole microseconds rounded up."""
        self.advance(math.ceil(max(0.0, seconds) * 1e6) / 1e6)

    async def sleep_async(self, seconds: float) -> None:
        """Advance, and let others run."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call this after each step."""
        self._watchers.append(watcher)


class RunningClock(_Reading):
    """Runs on by itself.

    Args:
        start: what it shows at first; None for the time of the machine.
        speed: seconds of its time in a second of the machine's.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"the speed of a clock is more than 0, not {speed}")
        self.speed = speed
        self._origin = time.monotonic_ns()
        self._start = time.time_ns() if start is None else to_ms(start) * _IN_A_MILLISECOND

    def nanoseconds(self) -> int:
        """Nanoseconds since 1970."""
        return self._start + round((time.monotonic_ns() - self._origin) * self.speed)

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds of this clock's time have passed."""
        time.sleep(max(0.0, seconds) / self.speed)

    async def sleep_async(self, seconds: float) -> None:
        """The same, to be awaited."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Nothing to call: it makes no steps."""
