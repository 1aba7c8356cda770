"""How many requests were made in any minute: an exact sliding window."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable


class SlidingRate:
    """Allows a number of requests in any period. Times are nanoseconds and never go back.

    The period is open at its end: a request exactly one period after another is not in the same period.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        self._counted: dict[Hashable, deque[int]] = {}

    def wait(self, key: Hashable, allowed: int, now: int) -> int:
        """Nanoseconds until one more request is within the rate; 0 if it is now."""
        counted = self._counted.setdefault(key, deque())
        while counted and counted[0] <= now - self._period:
            counted.popleft()
        return 0 if len(counted) < allowed else counted[len(counted) - allowed] + self._period - now

    def count(self, key: Hashable, now: int) -> None:
        """Count a request."""
        self._counted.setdefault(key, deque()).append(now)

    def forget(self, key: Hashable) -> None:
        """Take back the newest count."""
        self._counted[key].pop()


def busiest(times: Iterable[int], period: int) -> int:
    """The largest number of times, given in order, within any one period, open at its end."""
    recent: deque[int] = deque()
    most = 0
    for moment in times:
        recent.append(moment)
        while recent[0] <= moment - period:
            recent.popleft()
        most = max(most, len(recent))
    return most
