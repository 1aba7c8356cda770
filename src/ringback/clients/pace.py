"""Keeping within the rate that the cloud allows a token, instead of running into 429."""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum


class RequestKind(Enum):
    """What the cloud counts apart."""

    INITIAL = "initial"
    NEXT = "next"


class Slot:
    """Leave for one request, from the time `at` on."""

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at

    def settle(self, now: float) -> None:
        """Note that the request has been answered. The server counted it at some time before that."""
        self.at = max(self.at, now)


class Pace:
    """The rate of one token: requests in any period, by kind. Feed and stream share it.

    The documentation of the feed and that of the stream allow 1 initial request and 10 requests for next pages a
    minute and user token; whether both share one allowance is not said, so here they do. Every request counts, also one
    that failed: nothing says that the cloud does not count it.

    Give the same object to all sessions that use tokens of the same user. It is safe to use from several threads.
    """

    def __init__(self, initial: int | None = 1, following: int | None = 10, period: float = 60.0) -> None:
        """Set the rate.

        Args:
            initial: first pages in any period; None for any number.
            following: next pages in any period; None for any number.
            period: in seconds.
        """
        self._allowed = {RequestKind.INITIAL: initial, RequestKind.NEXT: following}
        self._slots = {kind: deque[Slot](maxlen=allowed or 1) for kind, allowed in self._allowed.items()}
        self._period = period
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> Pace:
        """No pace at all, for a server of your own."""
        return cls(None, None)

    def book(self, kind: RequestKind, now: float) -> Slot:
        """Take the next slot.

        Args:
            now: seconds on a clock that is never set back.
        """
        with self._lock:
            slots = self._slots[kind]
            full = len(slots) == self._allowed[kind]
            slot = Slot(max(now, slots[0].at + self._period) if full else now)
            slots.append(slot)
            return slot
